#include "server/services/access_service.h"

#include <google/protobuf/util/time_util.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>

#include "server/access/methods.h"
#include "server/query/paging.h"
#include "server/storage/digest.h"

namespace hooke::services {
namespace {

using google::protobuf::util::TimeUtil;
using storage::Role;

static_assert(static_cast<int>(Role::kRead) == v1::ROLE_READ);
static_assert(static_cast<int>(Role::kWorker) == v1::ROLE_WORKER);
static_assert(static_cast<int>(Role::kSubmit) == v1::ROLE_SUBMIT);
static_assert(static_cast<int>(Role::kAdmin) == v1::ROLE_ADMIN);

constexpr std::size_t kLongestOwner = 100;
// All are kept in memory, revoked ones too.
constexpr std::int64_t kMostTokens = 10'000;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kIdBytes = 5;
// By which those who look for leaked secrets know one.
constexpr const char* kSecretPrefix = "hooke_";
constexpr std::string_view kCollection = "tokens/";

std::string owner_of(const v1::CreateTokenRequest& request) {
  const std::string& owner = request.owner();
  const bool printed = std::all_of(owner.begin(), owner.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '@';
  });
  if (owner.empty() || owner.size() > kLongestOwner || !printed)
    throw invalid("owner", "'" + owner.substr(0, kLongestOwner) +
                               "' is not allowed; 1 to 100 letters, digits, '-', '_', '.' and '@'");
  // The admin token of the data folder calls itself so.
  if (owner == "admin") throw invalid("owner", "'admin' is the token of the data folder; another name");
  return owner;
}

Role role_of(const v1::CreateTokenRequest& request) {
  if (!v1::Role_IsValid(request.role()) || request.role() == v1::ROLE_UNSPECIFIED)
    throw invalid("role", "is missing; read, worker, submit or admin");
  return static_cast<Role>(request.role());
}

std::optional<TimeUs> end_of(const v1::CreateTokenRequest& request, TimeUs now) {
  if (!request.has_expire_time()) return std::nullopt;
  const auto& time = request.expire_time();
  if (time.seconds() < TimeUtil::kTimestampMinSeconds || time.seconds() > TimeUtil::kTimestampMaxSeconds ||
      time.nanos() < 0 || time.nanos() >= 1'000'000'000)
    throw invalid("expire_time", "is not a time between the years 1 and 9999");
  const TimeUs end = TimeUtil::TimestampToMicroseconds(time);
  if (end <= now) throw invalid("expire_time", TimeUtil::ToString(time) + " has passed; a time to come");
  return end;
}

void set_time(TimeUs time, google::protobuf::Timestamp& to) {
  to = TimeUtil::MicrosecondsToTimestamp(time);
}

v1::Token message_of(const storage::Token& token) {
  v1::Token message;
  message.set_name(std::string(kCollection) + token.token_id);
  message.set_owner(token.owner);
  message.set_role(static_cast<v1::Role>(token.role));
  set_time(token.create_us, *message.mutable_create_time());
  if (token.expire_us) set_time(*token.expire_us, *message.mutable_expire_time());
  if (token.revoke_us) set_time(*token.revoke_us, *message.mutable_revoke_time());
  return message;
}

}  // namespace

AccessService::AccessService(const Gate& gate, access::Access& access, storage::Writer& writer,
                             storage::Readers& readers, storage::Clock clock, storage::Random random)
    : gate_(gate),
      access_(access),
      writer_(writer),
      readers_(readers),
      clock_(std::move(clock)),
      random_(std::move(random)) {
  auto snapshot = readers_.snapshot();
  for (std::string after;;) {
    const auto page = storage::list_tokens(snapshot, {query::kLargestPage, after});
    for (const storage::Token& token : page.items) access_.put(token);
    if (page.next.empty()) break;
    after = page.next;
  }
}

grpc::Status AccessService::CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                                        v1::CreateTokenResponse* response) {
  return gate_.run(*context, "/hooke.v1.AccessService/CreateToken", [&](const access::Caller& caller) {
    storage::Token token;
    token.owner = owner_of(*request);
    token.role = role_of(*request);
    token.create_us = clock_();
    token.expire_us = end_of(*request, token.create_us);
    token.token_id = storage::to_hex(random_(kIdBytes));
    const std::string secret = kSecretPrefix + storage::to_hex(random_(kSecretBytes));
    token.hash = storage::sha256(secret);
    writer_.run([&](storage::Transaction& transaction) {
      if (storage::count_tokens(transaction) >= kMostTokens)
        throw Error(Code::kResourceExhausted, "there are " + std::to_string(kMostTokens) + " tokens already");
      storage::insert_token(transaction, token);
    });
    access_.put(token);
    spdlog::info("token {} of {} with role {} was made by {}", token.token_id, token.owner,
                 access::name_of(token.role), caller.owner);
    *response->mutable_token() = message_of(token);
    response->set_secret(secret);
  });
}

grpc::Status AccessService::ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest* request,
                                       v1::ListTokensResponse* response) {
  return gate_.run(*context, "/hooke.v1.AccessService/ListTokens", [&](const access::Caller&) {
    auto snapshot = readers_.snapshot();
    response->set_next_page_token(query::fill_pages(
        *response, query::page_size_of(request->page_size()), request->page_token(),
        [&](const storage::PageRequest& page) { return storage::list_tokens(snapshot, page); },
        [&](const storage::Token& token) { *response->add_tokens() = message_of(token); }));
  });
}

grpc::Status AccessService::RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                                        v1::Token* response) {
  return gate_.run(*context, "/hooke.v1.AccessService/RevokeToken", [&](const access::Caller& caller) {
    const std::string& name = request->name();
    if (!name.starts_with(kCollection) || name.size() == kCollection.size())
      throw invalid("name", "'" + name + "' is not the name of a token; tokens/ID, as ListTokens gives it");
    const std::string id = name.substr(kCollection.size());
    const auto token = writer_.run([&](storage::Transaction& transaction) {
      storage::revoke_token(transaction, id, clock_());
      return *storage::find_token(transaction, id);
    });
    access_.put(token);
    spdlog::info("token {} of {} was revoked by {}", token.token_id, token.owner, caller.owner);
    *response = message_of(token);
  });
}

grpc::Status AccessService::WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest*,
                                   v1::WhoAmIResponse* response) {
  return gate_.run(*context, "/hooke.v1.AccessService/WhoAmI", [&](const access::Caller& caller) {
    response->set_owner(caller.owner);
    response->set_role(static_cast<v1::Role>(caller.role));
  });
}

}  // namespace hooke::services
