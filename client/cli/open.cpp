// hooke open
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ostream>
#include <sstream>

#include "client/cli/commands.h"
#include "client/cli/processes.h"
#include "client/cli/resources.h"
#include "client/cli/web_link.h"
#include "client/sdk/state.h"

namespace hooke::cli {
namespace {

namespace fs = std::filesystem;

struct OpenOptions {
  std::string reference;
  std::string http;
  bool print = false;
};

// Where the web app is: as told, or as `hooke up` recorded for the server that is asked.
std::string site_of(Context& context, const OpenOptions& options) {
  if (!options.http.empty()) {
    if (!options.http.starts_with("http://") && !options.http.starts_with("https://"))
      throw invalid("",
                    "--http: '" + options.http + "' is no address of a web server, as http://127.0.0.1:7071");
    std::string site = options.http;
    while (site.ends_with('/')) site.pop_back();
    return site;
  }
  const std::string address = context.api().endpoint().address;
  const auto state = sdk::read_up_state(sdk::state_folder(context.environment));
  if (state && state->address == address && !state->http_address.empty())
    return "http://" + state->http_address;
  throw invalid("", "the web address of " + address +
                        " is not known here: --http, as in --http http://127.0.0.1:7071, names it");
}

// "/runs/k3f9", "/experiments/cifar10"; empty for the list of experiments.
std::string page_of(Context& context, const std::string& reference) {
  if (reference.empty()) return {};
  const std::string name = resolve(context.api(), reference);
  return (name.find("/runs/") == std::string::npos ? "/experiments/" : "/runs/") + id_of(name);
}

bool has_display(const Context& context) {
  return context.environment("DISPLAY") || context.environment("WAYLAND_DISPLAY");
}

std::optional<fs::path> find_opener(const Context& context) {
  std::istringstream folders(context.environment("PATH").value_or(""));
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const fs::path file = fs::path(folder) / "xdg-open"; ::access(file.c_str(), X_OK) == 0) return file;
  return std::nullopt;
}

// A page that only the user can read and that leads to `link`: others see a browser's arguments, and must
// not see the token in them.
fs::path write_redirect(const fs::path& folder, const std::string& link) {
  const fs::path file = folder / "open.html";
  fs::remove(file);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  std::string shown;
  for (const char c : link) shown += c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  const std::string page =
      "<!doctype html><meta charset=\"utf-8\"><title>Hooke</title>\n<meta http-equiv=\"refresh\" "
      "content=\"0; url=" +
      shown + "\">\n";
  const bool written =
      descriptor >= 0 && ::write(descriptor, page.data(), page.size()) == static_cast<ssize_t>(page.size());
  const int why = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!written)
    throw Error(Code::kFailedPrecondition, "cannot write '" + file.string() + "': " + std::strerror(why));
  return file;
}

void open(Context& context, const OpenOptions& options) {
  const std::string site = site_of(context, options);
  const std::string link =
      web_link(site, context.api().endpoint().token, page_of(context, options.reference));
  context.out << link << '\n';
  if (options.print || !has_display(context)) return;
  const auto opener = find_opener(context);
  if (!opener) return context.note("xdg-open is not here; open the link in a browser");
  const fs::path folder = sdk::state_folder(context.environment);
  if (fs::create_directories(folder)) fs::permissions(folder, fs::perms::owner_all);
  start({"browser", *opener, {write_redirect(folder, link).string()}, {}, folder / "open.log"});
}

}  // namespace

void add_open(CLI::App& app, Context& context) {
  auto options = std::make_shared<OpenOptions>();
  CLI::App* command = add_command<OpenOptions>(
      app, "open", "Show the web app in a browser: print its link, and open it where there is a display",
      "  hooke open\n"
      "  hooke open fashion-mnist\n"
      "  hooke open k3f9 --print",
      options, [&](const OpenOptions& given) { open(context, given); });
  command->add_option("what", options->reference, "Run or experiment to show; default: all experiments")
      ->type_name("RUN|EXPERIMENT");
  command->add_option("--http", options->http, "Address of the server's HTTP; default: that of `hooke up`")
      ->type_name("URL");
  command->add_flag("--print", options->print,
                    "Only print the link. It holds the token: who has it may do what you may");
}

}  // namespace hooke::cli
