#include "tests/fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>

namespace hooke::fuzz {

void check(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

bool allowed(std::initializer_list<Code> codes, const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const Error& error) {
    check(*error.what() != '\0', "an error says nothing");
    check(std::find(codes.begin(), codes.end(), error.code()) != codes.end(),
          "an error of code " + std::to_string(static_cast<int>(error.code())) + ": " + describe(error));
    return false;
  } catch (const std::exception& error) {
    check(false, std::string("an exception that is no hooke::Error: ") + error.what());
    return false;
  }
}

std::uint8_t Input::byte() {
  if (rest_.empty()) return 0;
  const auto value = static_cast<std::uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return value;
}

std::string_view Input::until(char end) {
  const std::string_view found = rest_.substr(0, rest_.find(end));
  rest_.remove_prefix(std::min(rest_.size(), found.size() + 1));
  return found;
}

Folder::Folder() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code none;
  const auto base =
      std::filesystem::is_directory(memory, none) ? memory : std::filesystem::temp_directory_path();
  std::string name = (base / "hooke-fuzz-XXXXXX").string();
  check(::mkdtemp(name.data()) != nullptr, "no temporary folder");
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path Folder::write(const std::string& name, std::string_view bytes) const {
  const auto path = path_ / name;
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  check(file.good(), "a file of the target cannot be written");
  return path;
}

}  // namespace hooke::fuzz

// What the sanitizers go by. Debian's protobuf, gRPC and abseil are not instrumented: the bounds of
// containers that they and instrumented code share are not to be relied on. What malloc() cannot give is
// refused, as elsewhere: C libraries ask for what a header claims.
extern "C" const char* __asan_default_options() {
  return "detect_container_overflow=0:allocator_may_return_null=1:max_allocation_size_mb=128:quarantine_size_"
         "mb=64";
}
// OpenSSL keeps its errors and random numbers for each thread behind a key of pthread's, where nobody looks
// for pointers while the thread runs, as a server's do when libFuzzer asks for leaks.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libcrypto.so";
}
extern "C" const char* __ubsan_default_options() {
  return "halt_on_error=1:print_stacktrace=1";
}

// A second of processor time, of all threads: on a busy machine the clock on the wall says nothing.
// ThreadSanitizer alone makes programs slower by a factor.
#ifdef __SANITIZE_THREAD__
constexpr std::clock_t kMostTime = 10 * CLOCKS_PER_SEC;
#else
constexpr std::clock_t kMostTime = CLOCKS_PER_SEC;
#endif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::clock_t before = std::clock();
  hooke::fuzz::one_input({data, size});
  hooke::fuzz::check(std::clock() - before < kMostTime, "the input took more than a second");
  return 0;
}
