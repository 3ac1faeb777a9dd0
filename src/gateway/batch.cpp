// Batches: a file of requests is read when it is uploaded, and what they may cost together is remembered with its id.
// The batch that names the file reserves that. It is settled by the batch's own usage, or by its results as they pass.
#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/log.h"
#include "gateway/allowed.h"
#include "gateway/deployment.h"
#include "gateway/estimate.h"
#include "gateway/exchange.h"
#include "gateway/terms.h"
#include "meter/batch_file.h"
#include "meter/form_data.h"
#include "meter/work_object.h"

namespace gateway {
namespace {

using base::ErrorType;
using base::Source;
using quota::DeferredKind;

constexpr std::array file_only{DeferredKind::file};

// What a file's requests may cost, and by which terms that was found.
struct FileTerms {
  BatchSum most;
  std::string terms;  // gateway/terms.h
};

std::string write_file_terms(const FileTerms& file) {
  return boost::json::serialize(boost::json::object{{"usd_nanos", file.most.usd.nanos()},
                                                    {"input_tokens", file.most.input_tokens},
                                                    {"output_tokens", file.most.output_tokens},
                                                    {"lines", file.most.lines},
                                                    {"terms", file.terms}});
}

base::Result<FileTerms> read_file_terms(std::string_view text) {
  TRY(const base::Json parsed, base::Json::parse(text));
  TRY(base::JsonFields fields, base::JsonFields::of(parsed));
  FileTerms file;
  TRY(const auto nanos, fields.integer("usd_nanos"));
  TRY(const auto input, fields.integer("input_tokens"));
  TRY(const auto output, fields.integer("output_tokens"));
  TRY(const auto lines, fields.integer("lines"));
  TRY(file.terms, fields.required_string("terms"));
  TRY_STATUS(fields.finish());
  if (!nanos || !input || !output || !lines) return base::invalid("what a file may cost is not complete", "usd_nanos");
  file.most = {base::Money::from_nanos(*nanos), *input, *output, *lines};
  return file;
}

// What a POST of a batch says. Nothing is passed over: what nobody here knows may cost something.
struct BatchOrder {
  std::string file;
  std::string url;
};
base::Result<BatchOrder> read_order(std::string_view body) {
  TRY(const base::Json parsed, base::Json::parse(body));
  TRY(base::JsonFields fields, base::JsonFields::of(parsed));
  BatchOrder order;
  TRY(order.file, fields.required_string("input_file_id"));
  TRY(order.url, fields.required_string("endpoint"));
  TRY_STATUS(fields.required_string("completion_window"));
  (void)fields.any("metadata");
  (void)fields.any("output_expires_after");
  TRY_STATUS(fields.finish());
  return order;
}

// The requests in a form.
base::Result<std::string_view> requests_in(std::string_view content_type, std::string_view body) {
  if (!meter::is_form_of(content_type, body))
    return base::invalid("a file is sent as multipart/form-data, divided by the boundary that Content-Type names");
  TRY(const auto parts, meter::read_form(body));
  std::optional<std::string_view> purpose;
  std::optional<std::string_view> file;
  for (const meter::FormPart& part : parts) {
    constexpr std::array known{std::string_view("purpose"), std::string_view("file"),
                               std::string_view("expires_after[anchor]"), std::string_view("expires_after[seconds]")};
    if (std::ranges::find(known, part.name) == known.end())
      return base::invalid(fmt::format("the form's part '{}' is not known here; there are {}", part.name.substr(0, 64),
                                       fmt::join(known, ", ")));
    auto* const seen = part.name == "purpose" ? &purpose : part.name == "file" ? &file : nullptr;
    if (seen == nullptr) continue;
    if (*seen) return base::invalid(fmt::format("the form has '{}' twice", part.name), std::string(part.name));
    *seen = part.content;
  }
  if (purpose != "batch")
    return base::invalid(
        fmt::format("files of the purpose '{}' are not served: what a call costs that reads one cannot "
                    "be bounded; 'batch' is",
                    purpose.value_or("").substr(0, 64)),
        "purpose");
  if (!file) return base::invalid("the form has no 'file'", "file");
  return *file;
}

}  // namespace

// --- a file of requests
// ------------------------------------------------------------------------------------------------

net::Task<Outcome<void>> Exchange::complete_upload() {
  CO_TRY(const std::string_view body, co_await read_body());  // 400, 413
  CO_TRY(plan_.book, book_of(worker_.settings_, *caller_));
  target_ = worker_.upstreams_->choose(*route_, {});
  const catalog::Upstream& upstream = upstream_named(target_->upstream);
  CO_TRY(const std::string_view requests, requests_in(content_type(), body));
  FileTerms file;
  const auto add = [&](const meter::Request& line) -> base::Status {
    if (const std::string_view there = target_->model_for(line.model); there != line.model)
      return base::invalid(
          fmt::format("asks for '{}', in place of which this route asks for '{}': a file is not "
                      "rewritten, so ask for that",
                      line.model, there));
    meter::Request priced = line;
    priced.model = model_behind(upstream, line.model);
    TRY_STATUS(check_model(limiter_.get(), *caller_->key, priced.model));
    TRY(const auto* const price, price_of(worker_.settings_, *plan_.book, upstream, priced, stamp_));
    TRY(const auto most, worst_case(priced, *price, output_cap_of(priced, *price), *route_, nullptr));
    if (file.most.lines == 0) {
      plan_.request.model = priced.model;
      plan_.request.delivery = meter::Delivery::batch;
      if (priced.output_cap == 0) plan_.request.output_cap = 0;  // no text comes back
      plan_.price = price;
    }
    return file.most.add(most);
  };
  CO_TRY(const meter::BatchFile read, meter::read_batch_file(upstream.provider, requests, add));  // 400
  file.terms = write_terms(billed_call(), read.url);

  CO_TRY_STATUS(co_await go_to(target_->upstream, body));
  const auto reply = co_await answer_.body->read_all(route_->max_reply_bytes);
  if (!reply) co_return give_up(of_upstream(reply.error()));
  const auto object = answer_.head.status < 300 ? meter::read_work_object(*reply) : std::nullopt;
  if (object) {
    quota::Deferred uploaded{.upstream = target_->upstream,
                             .object = object->id,
                             .kind = DeferredKind::file,
                             .exchange = reservation_->record().id,
                             .account = caller_->key->account,
                             .key = caller_->key->id,
                             .begun = stamp_,
                             .terms = write_file_terms(file)};
    base::Status kept = co_await keep_work(std::move(uploaded));
    if (!kept) co_return give_up(std::move(kept).error().in("what the file may cost could not be written down"));
  }
  co_await send_free(*reply);
  co_return Outcome<void>();
}

// --- the batch
// ---------------------------------------------------------------------------------------------------------

net::Task<Outcome<void>> Exchange::plan_batch(std::string_view body) {
  CO_TRY(const BatchOrder order, read_order(body));
  CO_TRY(const quota::DeferredDesk::Found found, co_await find_work(order.file, file_only));  // 404, 503
  CO_TRY(const FileTerms file, read_file_terms(found.work.terms));
  CO_TRY(Terms terms, read_terms(file.terms));
  if (order.url != terms.url)
    co_return refused(ErrorType::invalid_request,
                      fmt::format("the requests of '{}' are for '{}'", order.file, terms.url), "endpoint");
  plan_.asked = plan_.uncapped = body;
  plan_.request = std::move(terms.request);
  plan_.batch_url = std::move(terms.url);
  record_->model = plan_.request.model;
  CO_TRY(plan_.book, book_of(worker_.settings_, *caller_));
  record_->price_version = plan_.book->version();
  target_ = &*std::ranges::find(route_->targets, found.work.upstream, &catalog::Target::upstream);
  record_->upstream = target_->upstream;
  tried_.set();  // the file is at this one only
  const catalog::Upstream& upstream = upstream_named(target_->upstream);
  // What the file's requests ask for is in the sum. The plan's own cap stays zero, so that nothing is shortened.
  if (plan_.request.output_cap != 0) plan_.request.output_cap = 1;
  CO_TRY(plan_.price, price_of(worker_.settings_, *plan_.book, upstream, plan_.request, stamp_));
  if (write_terms(billed_call(), plan_.batch_url) != file.terms)
    co_return refused(ErrorType::invalid_request,
                      fmt::format("prices have changed since '{}' was uploaded: upload it again", order.file),
                      "input_file_id");
  plan_.worst_case = batch_amounts(file.most, plan_.request.model, *route_, caller_->payer());
  estimate_ = record_->estimate = plan_.worst_case.usd;
  plan_.request.background = true;
  if (caller_->filtered) choose_limits();
  plan_.made = true;
  co_return Outcome<void>();
}

// Whose the results are. Both files are there when the batch has ended.
net::Task<void> Exchange::keep_outputs(const quota::Deferred& batch, std::string_view reply) {
  const auto object = meter::read_work_object(reply);
  if (answer_.head.status != 200 || !object || object->id != batch.object || object->status != meter::WorkStatus::ended)
    co_return;
  for (const auto& [file, kind] :
       {std::pair(object->output_file, DeferredKind::output), std::pair(object->error_file, DeferredKind::errors)}) {
    if (file.empty()) continue;
    quota::Deferred work = batch;
    work.object = file;
    work.kind = kind;
    work.begun = stamp_;
    if (const base::Status kept = co_await keep_work(std::move(work)); !kept)
      base::log::warn("whose '{}' is could not be written down, so it cannot be fetched here: {}", file,
                      kept.error().message);
  }
}

// --- its results
// -------------------------------------------------------------------------------------------------------

net::Task<Outcome<void>> Exchange::relay_file(const quota::DeferredDesk::Found& found) {
  const bool settles = found.is_held && found.work.kind == DeferredKind::output && answer_.head.status == 200;
  std::optional<meter::BatchResults> results;
  quota::KnownCost known{.cost = {}, .input_tokens = 0, .output_tokens = 0, .usage = meter::Usage{}};
  bool certain = true;
  std::int64_t served = 0;
  std::optional<Terms> terms;
  if (settles) {
    auto read = read_terms(found.work.terms);
    if (!read) co_return give_up(std::move(read).error());
    terms = std::move(*read);
    results.emplace(meter::batch_endpoint(terms->provider, terms->url).dialect, [&](const meter::Reply& reply) {
      ++served;
      if (!reply.usage) return;  // said by the results
      const meter::ExchangeBill bill = terms->bill(reply, *reply.usage);
      certain = certain && bill.certain && bill.cost < base::Money::max() - known.cost;
      if (certain) known.cost = known.cost + bill.cost;
      *known.input_tokens += reply.usage->input_tokens.value_or(0);
      *known.output_tokens += reply.usage->output_tokens.value_or(0);
    });
  }
  end_unmetered();
  net::HeadWriter writer = open_head();
  add_budget_fields(writer);
  ReadAlong read;
  if (results) read = std::bind_front(&meter::BatchResults::feed, &*results);
  const bool whole = co_await relay_body(writer, read);
  if (whole) answer_.finish();
  if (!results || !whole) co_return Outcome<void>();
  known.usage->input_tokens = known.input_tokens;
  known.usage->output_tokens = known.output_tokens;
  // A file without a served request is not what a batch writes: then none is written.
  const bool understood = results->finish() && certain && served > 0;
  base::Status booked = base::fail(ErrorType::unknown_price, "what it says cannot all be priced");
  if (understood) booked = co_await book_work(found.work, known, "read");
  if (!booked)
    base::log::warn("the results '{}' of '{}' have passed, but {}: what {} held stays unresolved", found.work.object,
                    found.work.upstream, booked.error().message, found.work.exchange.to_string());
  co_return Outcome<void>();
}

}  // namespace gateway
