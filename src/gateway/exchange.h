#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "catalog/snapshot.h"
#include "events/usage_record.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "meter/chat_reply.h"
#include "meter/chat_request.h"
#include "net/head_writer.h"

namespace gateway {

// One client request with its reply and its cost.
class Exchange {
 public:
  Exchange(Worker& worker, net::Incoming& incoming);
  net::Task<void> serve();

 private:
  // What the call may cost, and the request as it will be sent.
  struct Plan {
    meter::ChatRequest request;
    const meter::ModelPrice* price = nullptr;
    std::int64_t output_cap = 0;  // per choice, as reserved
    bool hide_usage = false;      // the client did not ask for the usage chunk that we ask for
    std::string_view body;        // what goes upstream: the client's bytes, or `edited`
    std::string edited;
    std::optional<std::int64_t> clamped_to;
  };

  net::Task<Outcome<void>> run();
  Outcome<void> authenticate();
  Outcome<void> resolve();
  net::Task<Outcome<void>> list_models();
  net::Task<Outcome<void>> complete_chat();
  net::Task<Outcome<std::string_view>> read_body();

  Outcome<Plan> plan(std::string_view body) const;
  quota::Amounts worst_case(const Plan& plan) const;
  net::Task<Outcome<quota::Reservation>> reserve(Plan& plan);
  net::Task<quota::Decision> ask(quota::Amounts amounts, std::int64_t wait_ms);
  std::optional<std::int64_t> affordable_cap(const Plan& plan, const quota::Refusal& refusal) const;
  void clamp(Plan& plan, std::int64_t cap) const;

  net::Task<Outcome<Answer>> attempt(std::string_view body, quota::Reservation& reservation);
  net::Task<Outcome<void>> relay_plain(Answer answer, quota::Reservation reservation, const Plan& plan);
  net::Task<Outcome<void>> relay_stream(Answer answer, quota::Reservation reservation, const Plan& plan);
  net::Task<Outcome<void>> end_stream(Answer answer, quota::Reservation reservation, const Plan& plan,
                                      meter::SseSplitter& splitter, meter::ChatStreamReader& reader,
                                      std::string pending, std::optional<base::Error> broken);
  net::Task<Outcome<void>> relay_unmetered(Answer answer, quota::Reservation reservation);

  // What is known of the cost when a reply has ended, booked. `came_whole`: the reply did not break off.
  void settle(quota::Reservation reservation, const meter::ChatReply& reply, const Plan& plan, int status,
              std::int64_t output_chunks, bool came_whole);
  // The upstream did not answer: released if nothing was sent, else it stays held.
  void give_up(quota::Reservation reservation, const base::Error& error, int status);

  // The reply's head as far as the upstream decides it: status and fields that are passed on.
  net::HeadWriter open_head(const Answer& answer);
  void add_cost_fields(net::HeadWriter& writer, const Plan& plan);
  // What is left of the tightest money limit.
  void add_budget_fields(net::HeadWriter& writer);
  std::string stream_head(const Answer& answer, const Plan& plan);
  std::string stream_end(const Plan& plan);
  void finish_record(events::UsageRecord& record, int status);
  net::Task<void> refuse(const Failure& failure);

  Worker& worker_;
  net::Incoming& incoming_;
  const net::RequestHead& head_;
  std::shared_ptr<const catalog::Snapshot> catalog_;
  const catalog::KeyEntry* caller_ = nullptr;
  const catalog::Route* route_ = nullptr;
  base::Instant began_;
  std::string request_id_;
  events::UsageRecord record_;  // until a reservation takes it over
  bool admitted_ = false;       // from then on the reservation sees to the record
  bool wants_cost_comment_ = false;

  // What was settled, for the reply's fields.
  base::Money estimate_;
  std::optional<base::Money> cost_;
  std::optional<meter::Usage> usage_;
};

}  // namespace gateway
