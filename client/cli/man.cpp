#include "client/cli/man.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "hooke_version.h"
#include "proto/hooke/error.h"

namespace hooke::cli {
namespace {

// Text that troff takes as it stands: a hyphen of an option stays one when it is copied, a leading dot or
// apostrophe is no request.
std::string plain(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else if (c == '\'')
      escaped += "\\(aq";
    else if (c == '`')
      escaped += "\\(ga";
    else
      escaped += c;
  }
  if (escaped.starts_with(".")) escaped = "\\&" + escaped;
  return escaped;
}

std::string dashed(std::string path) {
  std::replace(path.begin(), path.end(), ' ', '-');
  return path;
}

std::string capitals(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

std::string reference(const std::string& path) {
  return ".BR " + plain(dashed(path)) + " (1)";
}

void print_man_options(std::ostream& out, const std::string& title, const std::vector<OptionPage>& options) {
  if (options.empty()) return;
  out << ".SH " << title << '\n';
  for (const OptionPage& option : options) {
    out << ".TP\n";
    std::string names;
    for (const std::string& name : option.names)
      names += (names.empty() ? "" : ", ") + ("\\fB" + plain(name) + "\\fR");
    if (!option.value.empty())
      names += (names.empty() ? "" : " ") + ("\\fI" + plain(option.value) + "\\fR") +
               (option.names.empty() && option.repeated ? " ..." : "");
    out << names << '\n' << plain(option.description) << '\n';
  }
}

// Help's last part: "Examples:" and indented lines as they stand, then paragraphs.
void print_footer(std::ostream& out, const std::string& footer) {
  std::istringstream in(footer);
  bool verbatim = false;
  bool break_wanted = false;
  const auto end_verbatim = [&] {
    if (verbatim) out << ".fi\n.RE\n";
    verbatim = false;
  };
  for (std::string line; std::getline(in, line);) {
    if (line == "Examples:") {
      out << ".SH EXAMPLES\n";
    } else if (line.starts_with("  ")) {
      if (!verbatim) out << ".RS 2\n.nf\n";
      verbatim = true;
      out << plain(line.substr(2)) << '\n';
    } else if (!line.empty()) {
      break_wanted = break_wanted || verbatim;
      end_verbatim();
      if (break_wanted) out << ".PP\n";
      break_wanted = false;
      out << plain(line) << '\n';
    } else {
      break_wanted = true;
    }
  }
  end_verbatim();
}

void write_pages(const CommandPage& page, const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / (dashed(page.path) + ".1");
  std::ofstream out(file);
  out << man_page(page) << std::flush;
  if (!out) throw Error(Code::kFailedPrecondition, "cannot write '" + file.string() + "'");
  for (const CommandPage& command : page.commands) write_pages(command, folder);
}

}  // namespace

std::string man_page(const CommandPage& page) {
  std::ostringstream out;
  out << ".TH " << capitals(dashed(page.path)) << " 1 \"\" \"hooke " << kVersion << "\" \"Hooke\"\n"
      << ".SH NAME\n"
      << plain(dashed(page.path)) << " \\- " << plain(page.summary) << '\n'
      << ".SH SYNOPSIS\n.B " << plain(page.path) << '\n'
      << plain(page.usage().substr(page.path.size() + 1)) << '\n';
  if (!page.commands.empty()) out << ".SH COMMANDS\n";
  for (const CommandPage& command : page.commands)
    out << ".TP\n" << reference(command.path) << '\n' << plain(command.summary) << '\n';
  print_man_options(out, "ARGUMENTS", page.positionals);
  print_man_options(out, "OPTIONS", page.options);
  print_man_options(out, "OPTIONS OF EVERY COMMAND", page.shared);
  print_footer(out, page.footer);
  if (const std::size_t space = page.path.rfind(' '); space != std::string::npos) {
    out << ".SH SEE ALSO\n" << reference(page.path.substr(0, space));
    if (page.path.find(' ') != space) out << ",\n" << reference(page.path.substr(0, page.path.find(' ')));
    out << '\n';
  }
  return out.str();
}

void write_man_pages(const CommandPage& program, const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed)
    throw Error(Code::kFailedPrecondition, "cannot make '" + folder.string() + "': " + failed.message());
  write_pages(program, folder);
}

}  // namespace hooke::cli
