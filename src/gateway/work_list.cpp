// Lists of batches and files. The provider's own would show what every account here has begun, so theirs is never asked
// for: the account's references are, and each object by its id. What a list shows of a batch settles it as a fetch
// does.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "gateway/exchange.h"
#include "gateway/reply_fields.h"
#include "meter/work_object.h"
#include "net/query.h"

namespace gateway {
namespace {

using base::ErrorType;
using quota::DeferredKind;
using quota::DeferredListing;

// An object is a call of the upstream, one after the other. Whoever asks for more gets the next page.
constexpr std::size_t most_on_page = 20;

Outcome<std::size_t> page_size(std::string_view text) {
  if (text.empty()) return most_on_page;
  std::int64_t wanted = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wanted);
  if (error != std::errc() || end != text.data() + text.size() || wanted < 1 || wanted > 10'000)
    return refused(ErrorType::invalid_request, "'limit' must be a whole number from 1 to 10000", "limit");
  return std::min(static_cast<std::size_t>(wanted), most_on_page);
}

// What was uploaded with a purpose, or written with it by the provider.
std::vector<DeferredKind> files_of(std::string_view purpose) {
  if (purpose == "batch") return {DeferredKind::file};
  if (purpose == "batch_output") return {DeferredKind::output, DeferredKind::errors};
  if (purpose.empty()) return {DeferredKind::file, DeferredKind::output, DeferredKind::errors};
  return {};  // none of another is here
}

Outcome<DeferredListing> read_listing(std::string_view target, bool of_files) {
  DeferredListing listing{.account = {}, .upstreams = {}, .kinds = {DeferredKind::batch}};
  TRY(listing.limit, page_size(net::query_parameter(target, "limit")));
  if (const std::string_view after = net::query_parameter(target, "after"); !after.empty()) listing.after = after;
  if (!of_files) return listing;
  listing.kinds = files_of(net::query_parameter(target, "purpose"));
  const std::string_view order = net::query_parameter(target, "order");
  if (order == "asc") listing.order = DeferredListing::Order::oldest_first;
  if (!order.empty() && order != "asc" && order != "desc")
    return refused(ErrorType::invalid_request, "'order' must be asc or desc", "order");
  return listing;
}

// The query for each object: without what is of the list alone.
std::string query_for_one(std::string_view target) {
  std::string rest(target);
  for (const std::string_view name : {"limit", "after", "purpose", "order"})
    rest = net::without_query_parameter(rest, name);
  return rest.substr(std::min(rest.find('?'), rest.size()));
}

// Ids are plain (meter/work_object.h).
std::string id_or_null(const std::string& id) { return id.empty() ? "null" : fmt::format("\"{}\"", id); }

}  // namespace

net::Task<Outcome<void>> Exchange::complete_list() {
  if (incoming_.has_body()) co_return refused(ErrorType::invalid_request, "GET takes no body here");
  CO_TRY(DeferredListing listing, read_listing(head_.target, endpoint_.name == "files"));  // 400
  listing.account = caller_->key->account;
  for (const catalog::Target& target : route_->targets) listing.upstreams.push_back(target.upstream);
  const std::size_t size = listing.limit++;  // one more says whether there is more
  const std::string query = query_for_one(onward_);
  onward_text_ = onward_.substr(0, onward_.find('?'));
  onward_ = onward_text_;
  WorkPage page;
  // What is gone at the provider is left out. A page of nothing else would end the list for a client, so it is none.
  do {
    CO_TRY(const auto found, co_await list_work(listing));  // 404, 503
    page.has_more = found.size() > size;
    for (std::size_t i = 0; i < std::min(found.size(), size); ++i) {
      CO_TRY_STATUS(co_await add_to_page(page, found[i], query));  // 502, 504
      if (page.refused) co_return Outcome<void>();
      listing.after = found[i].work.object;
    }
  } while (page.data.empty() && page.has_more);
  co_await send_page(page);
  co_return Outcome<void>();
}

net::Task<Outcome<std::vector<quota::DeferredDesk::Found>>> Exchange::list_work(DeferredListing listing) {
  using Found = base::Result<std::vector<quota::DeferredDesk::Found>>;
  if (listing.kinds.empty()) co_return std::vector<quota::DeferredDesk::Found>();
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  const auto too_late = [patience_ms]() -> Found { return base::fail(store_slow(patience_ms)); };
  const auto found = co_await within<Found>(worker_.loop_, patience_ms, too_late, [&](auto done) {
    worker_.deferred_.list(std::move(listing), std::move(done));
  });
  if (!*found) co_return fail(std::move(*found).error());
  co_return std::move(**found);
}

net::Task<Outcome<void>> Exchange::add_to_page(WorkPage& page, const quota::DeferredDesk::Found& found,
                                               std::string_view query) {
  const quota::Deferred& work = found.work;
  const std::string list_path(onward_);
  onward_text_ = fmt::format("{}{}{}{}", list_path, list_path.ends_with('/') ? "" : "/", work.object, query);
  onward_ = onward_text_;
  CO_TRY_STATUS(co_await go_to(work.upstream, {}));
  onward_text_ = list_path;
  onward_ = onward_text_;
  const auto reply = co_await answer_.body->read_all(route_->max_reply_bytes);
  if (!reply) co_return give_up(of_upstream(reply.error()));
  if (answer_.head.status == 404) {
    answer_.finish();
    co_return Outcome<void>();
  }
  if (answer_.head.status != 200) {
    page.refused = true;
    co_await send_free(*reply);
    co_return Outcome<void>();
  }
  const auto object = meter::read_work_object(*reply);
  if (!object || object->id != work.object)
    co_return give_up(Failure({ErrorType::upstream_error,
                               base::Source::upstream_refusal,
                               fmt::format("the upstream did not show '{}' when it was asked for it", work.object),
                               {}}));
  if (!page.data.empty()) page.data += ',';
  page.data += *reply;
  if (page.first_id.empty()) page.first_id = work.object;
  page.last_id = work.object;
  if (work.kind == DeferredKind::batch) {
    const ReplyHeaders headers(answer_.head);
    if (found.is_held) co_await settle_work(work, headers.head(), *reply);
    co_await keep_outputs(work, *reply);
  }
  answer_.finish();
  co_return Outcome<void>();
}

net::Task<void> Exchange::send_page(const WorkPage& page) {
  answer_.head.status = 200;  // what an upstream said of one that is gone is not what the list says
  if (reservation_) end_unmetered();
  const std::string body = fmt::format(R"({{"object":"list","data":[{}],"first_id":{},"last_id":{},"has_more":{}}})",
                                       page.data, id_or_null(page.first_id), id_or_null(page.last_id), page.has_more);
  net::HeadWriter writer(worker_.scratch_);
  writer.response(200, net::reason_of(200))
      .field("Content-Type", "application/json")
      .field("X-Request-Id", {request_id_, sizeof request_id_});
  if (!incoming_.keep_alive()) writer.field("Connection", "close");
  add_budget_fields(writer);
  writer.field("Content-Length", static_cast<std::int64_t>(body.size()));
  count_reply(200);
  const std::string head(writer.end());
  if (!co_await incoming_.send(head, body)) worker_.stats_.client_hangups.add();
}

}  // namespace gateway
