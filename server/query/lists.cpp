#include "server/query/lists.h"

#include <charconv>

#include "server/query/conditions.h"
#include "server/query/find.h"
#include "server/query/paging.h"
#include "server/query/resources.h"
#include "server/storage/digest.h"
#include "server/storage/listing.h"

namespace hooke::query {
namespace {

using storage::Snapshot;

constexpr const char* kAllExperiments = "experiments/-";
constexpr std::size_t kFingerprintDigits = 16;

// "FINGERPRINT.NOW.CURSOR".
struct PageToken {
  std::string fingerprint;  // of what is listed
  TimeUs now = 0;
  std::string cursor;

  std::string text() const { return fingerprint + "." + std::to_string(now) + "." + cursor; }
};

// Of everything that the same pages need to have in common.
std::string fingerprint_of(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += std::to_string(part.size()) + ":" + part;
  return storage::to_hex(storage::sha256(all)).substr(0, kFingerprintDigits);
}

// The first page's token is made, a later one's is checked.
PageToken open_token(const std::string& text, const std::string& fingerprint, TimeUs now) {
  if (text.empty()) return {fingerprint, now, {}};
  const Error bad = invalid("page_token", "is not from an answer of this call");
  const auto first = text.find('.');
  const auto second = first == std::string::npos ? first : text.find('.', first + 1);
  if (second == std::string::npos) throw Error(bad);
  PageToken token{text.substr(0, first), 0, text.substr(second + 1)};
  const char* end = text.data() + second;
  const auto parsed = std::from_chars(text.data() + first + 1, end, token.now);
  if (parsed.ec != std::errc() || parsed.ptr != end) throw Error(bad);
  if (token.fingerprint != fingerprint)
    throw invalid("page_token",
                  "is of a list with another parent, filter, order or show_archived; give the "
                  "same, or begin without a token");
  return token;
}

// What both lists have in common.
template <class Request>
storage::ListQuery query_of(const Request& request, ListOf list, TimeUs now) {
  storage::ListQuery query;
  query.archived_too = request.show_archived();
  query.order = sort_keys_of(parse_order_by(request.order_by()), list);
  const auto filter = parse_filter(request.filter());
  if (!filter) return query;
  query.condition = condition_of(*filter, list, now);
  query.archived_too |= mentions(*query.condition, storage::Field::kArchived);
  return query;
}

// Adds rows while they fit into one message; `add(id)` appends one and returns its size in bytes.
template <class Response, class Page, class Add>
void fill(Response& response, const Page& page, PageToken token, Add add) {
  std::size_t bytes = 0;
  for (const auto& row : page.items) {
    if (bytes >= kLargeAnswerBytes) {
      response.set_next_page_token(token.text());
      return;
    }
    bytes += add(row.id);
    token.cursor = row.cursor;
  }
  if (!page.next.empty()) response.set_next_page_token(token.text());
}

}  // namespace

v1::ListExperimentsResponse list_experiments(Snapshot& snapshot, const v1::ListExperimentsRequest& request,
                                             TimeUs now) {
  const auto size = page_size_of(request.page_size());
  const auto token = open_token(request.page_token(),
                                fingerprint_of({"experiments", request.filter(), request.order_by(),
                                                request.show_archived() ? "all" : ""}),
                                now);
  const auto query = query_of(request, ListOf::kExperiments, token.now);
  v1::ListExperimentsResponse response;
  const auto page = storage::list_experiments(snapshot, query, {size, token.cursor});
  fill(response, page, token, [&](ExperimentId id) -> std::size_t {
    const auto experiment = storage::find_experiment(snapshot, id);
    if (!experiment) return 0;
    *response.add_experiments() = experiment_resource(snapshot, *experiment);
    return response.experiments().rbegin()->ByteSizeLong();
  });
  return response;
}

v1::ListRunsResponse list_runs(Snapshot& snapshot, const v1::ListRunsRequest& request, TimeUs now) {
  const auto size = page_size_of(request.page_size());
  std::optional<ExperimentId> experiment;
  if (request.parent() != kAllExperiments)
    experiment = find_experiment(snapshot, request.parent(), "parent").id;
  const std::string parent = experiment ? std::to_string(experiment->value) : "";
  const auto token = open_token(request.page_token(),
                                fingerprint_of({"runs", parent, request.filter(), request.order_by(),
                                                request.show_archived() ? "all" : ""}),
                                now);
  auto query = query_of(request, ListOf::kRuns, token.now);
  query.experiment = experiment;
  v1::ListRunsResponse response;
  const auto page = storage::list_runs(snapshot, query, {size, token.cursor});
  fill(response, page, token, [&](RunId id) -> std::size_t {
    const auto run = storage::find_run(snapshot, id);
    if (!run) return 0;
    *response.add_runs() = run_resource(snapshot, *run);
    return response.runs().rbegin()->ByteSizeLong();
  });
  return response;
}

}  // namespace hooke::query
