// Files for the person at the page.
export function download(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  // A name that every file system takes.
  link.download = name.replace(/[^\p{L}\p{N}._@=-]+/gu, "-");
  link.click();
  URL.revokeObjectURL(address);
}
