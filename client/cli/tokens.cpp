// hooke tokens create | list | revoke
#include <fcntl.h>
#include <google/protobuf/util/time_util.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "client/cli/commands.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

namespace fs = std::filesystem;
using google::protobuf::util::TimeUtil;

constexpr const char* kRoles[] = {"read", "worker", "submit", "admin"};
constexpr const char* kWhatRolesAllow =
    "Roles: read asks for results; submit also submits, cancels and deletes; worker leases runs and sends "
    "what it\n"
    "measures; admin may do everything. The server stores a hash alone: a token is shown once.";

std::string name_of(v1::Role role) {
  return v1::Role_IsValid(role) && role != v1::ROLE_UNSPECIFIED ? kRoles[role - 1] : std::to_string(role);
}

std::string id_of_token(const v1::Token& token) {
  return token.name().substr(token.name().find('/') + 1);
}

// The names that the lists show, with or without "tokens/".
std::string token_name(const std::string& id) {
  return id.starts_with("tokens/") ? id : "tokens/" + id;
}

struct CreateOptions {
  std::string owner;
  std::string role;
  std::int64_t lifetime_s = 0;  // 0: it never ends
  std::string out;
  Format format = Format::kTable;
};

// A file that only its owner can read, made before the token is, so that none is lost for want of a place.
class SecretFile {
 public:
  explicit SecretFile(const std::string& path) : path_(path) {
    if (path.empty()) return;
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor_ < 0)
      throw invalid("--out",
                    path + (errno == EEXIST ? " is there already; another name, so that no token is lost"
                                            : std::string(" cannot be made: ") + std::strerror(errno)));
  }
  ~SecretFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    if (!written_) ::unlink(path_.c_str());
  }
  SecretFile(const SecretFile&) = delete;
  SecretFile& operator=(const SecretFile&) = delete;

  // Durable when it returns true.
  bool write(const std::string& text) {
    written_ =
        ::write(descriptor_, text.data(), text.size()) == std::ssize(text) && ::fsync(descriptor_) == 0;
    return written_;
  }

 private:
  const std::string path_;
  int descriptor_ = -1;
  bool written_ = false;
};

std::string until(const v1::Token& token) {
  return token.has_expire_time() ? "ends " + local_time(token.expire_time()) : "never ends";
}

void create(Context& context, const CreateOptions& options) {
  v1::CreateTokenRequest request;
  request.set_owner(options.owner);
  for (int i = 0; i < static_cast<int>(std::size(kRoles)); ++i)
    if (options.role == kRoles[i]) request.set_role(static_cast<v1::Role>(i + 1));
  if (options.lifetime_s > 0)
    *request.mutable_expire_time() = TimeUtil::SecondsToTimestamp(std::time(nullptr) + options.lifetime_s);
  SecretFile file(options.out);
  auto made = context.api().create_token(request);
  const bool saved = !options.out.empty() && file.write(made.secret() + "\n");
  if (!options.out.empty() && !saved) {
    context.api().revoke_token(made.token().name());
    throw Error(Code::kUnavailable, options.out + " cannot be written: " + std::strerror(errno) +
                                        "; the token was revoked again");
  }
  if (saved) made.clear_secret();
  if (options.format == Format::kJson) {
    print_json(context.out, made);
  } else if (options.format == Format::kCsv) {
    print_csv(
        context.out,
        {{"token", "owner", "role", "secret"},
         {{id_of_token(made.token()), made.token().owner(), name_of(made.token().role()), made.secret()}}});
  } else if (!saved) {
    context.out << made.secret() << '\n';
  }
  context.note("token " + id_of_token(made.token()) + " of " + made.token().owner() + ", role " +
               name_of(made.token().role()) + ", " + until(made.token()) +
               (saved ? "; it is in " + options.out : "; it is not shown again"));
}

std::string state_of(const v1::Token& token) {
  if (token.has_revoke_time()) return "revoked";
  if (token.has_expire_time() && token.expire_time().seconds() <= std::time(nullptr)) return "expired";
  return "valid";
}

struct TokenListOptions {
  Format format = Format::kTable;
};

void list_tokens(Context& context, const TokenListOptions& options) {
  const auto tokens = context.api().list_tokens();
  if (options.format == Format::kJson) return print_json_list(context.out, tokens);
  const auto time = [&](bool given, const google::protobuf::Timestamp& at) {
    if (!given) return std::string();
    return options.format == Format::kCsv ? TimeUtil::ToString(at) : local_time(at);
  };
  Grid grid{{"token", "owner", "role", "state", "made", "ends"}, {}};
  for (const v1::Token& token : tokens)
    grid.rows.push_back({id_of_token(token), token.owner(), name_of(token.role()), state_of(token),
                         time(true, token.create_time()),
                         time(token.has_expire_time(), token.expire_time())});
  if (options.format == Format::kCsv) return print_csv(context.out, grid);
  print_table(context.out, grid);
  if (tokens.empty())
    context.note("no tokens but the admin's, in the server's data folder; `hooke tokens create` makes one");
}

struct RevokeOptions {
  std::vector<std::string> tokens;
};

void revoke(Context& context, const RevokeOptions& options) {
  for (const std::string& id : options.tokens) {
    const auto token = context.api().revoke_token(token_name(id));
    context.note("token " + id_of_token(token) + " of " + token.owner() + " is revoked since " +
                 local_time(token.revoke_time()));
  }
}

}  // namespace

void add_tokens(CLI::App& app, Context& context) {
  CLI::App* group = add_group(app, "tokens", "Tokens of callers: create, list, revoke",
                              "  hooke tokens create ada --role submit --out ada.token\n  hooke tokens list");
  auto made = std::make_shared<CreateOptions>();
  CLI::App* command = add_command<CreateOptions>(
      *group, "create", "Make a token; it is shown this once",
      std::string("  hooke tokens create ada --role submit --out ada.token     a file of mode 0600\n"
                  "  hooke tokens create gpu-node-1 --role worker --expires-in 90d --out node.token\n"
                  "\n") +
          kWhatRolesAllow,
      made, [&](const CreateOptions& given) { create(context, given); });
  command->add_option("OWNER", made->owner, "Whose it is: a person, a node, a program")->required();
  command->add_option("--role", made->role, "What it allows")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kRoles), std::end(kRoles))))
      ->type_name("ROLE")
      ->required();
  command->add_option("--expires-in", made->lifetime_s, "When it ends, as 12h, 90d or 52w; default: never")
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, std::int64_t>{{"h", 3'600}, {"d", 86'400}, {"w", 7 * 86'400}},
          CLI::AsNumberWithUnit::UNIT_REQUIRED))
      ->check(CLI::PositiveNumber)
      ->option_text("TIME");
  command->add_option("--out", made->out, "Write it to a new file of mode 0600, and not to the terminal")
      ->type_name("FILE");
  add_format(*command, made->format);

  auto listed = std::make_shared<TokenListOptions>();
  command =
      add_command<TokenListOptions>(*group, "list", "Tokens that were made, without their secrets",
                                    "  hooke tokens list\n  hooke tokens list -o csv", listed,
                                    [&](const TokenListOptions& given) { list_tokens(context, given); });
  add_format(*command, listed->format);

  auto revoked = std::make_shared<RevokeOptions>();
  command =
      add_command<RevokeOptions>(*group, "revoke", "End tokens at once: the next call with one is refused",
                                 "  hooke tokens revoke 3f9a0c11d2", revoked,
                                 [&](const RevokeOptions& given) { revoke(context, given); });
  command->add_option("TOKEN", revoked->tokens, "As `hooke tokens list` shows them")
      ->required()
      ->option_text("TOKEN...");
}

}  // namespace hooke::cli
