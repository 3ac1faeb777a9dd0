#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/snapshot.h"
#include "events/usage_record.h"
#include "gateway/error_form.h"
#include "gateway/limiter_route.h"
#include "gateway/reply.h"
#include "gateway/within.h"
#include "gateway/worker.h"
#include "idempotency/desk.h"
#include "meter/exchange_bill.h"
#include "meter/reply_reader.h"
#include "meter/report_reader.h"
#include "meter/request_edit.h"
#include "meter/request_reader.h"
#include "meter/stream_framing.h"
#include "meter/work_stream.h"
#include "net/head_writer.h"
#include "quota/deferred_desk.h"
#include "telemetry/exchange_trace.h"

namespace gateway {

// The fields of a call that are for the gateway.
inline constexpr std::string_view tags_field = "X-Metergate-Tags";
inline constexpr std::string_view key_field = "X-Metergate-Key";

// A no that the client can mend.
std::unexpected<Failure> refused(base::ErrorType type, std::string message, std::string field = {});

// What kept a reply's body from being read, as its sender's fault: the codec speaks as to a client.
base::Error of_upstream(const base::Error& error);

// One client request with its reply and its cost. Everything that its steps share stands here, so that the steps are
// plain functions and their coroutine frames stay small; the objects themselves are used again, one after the other.
class Exchange final : public UnderWay {
 public:
  static net::Task<void> serve(Worker& worker, net::Incoming& incoming);

  Exchange(Worker& worker, net::Incoming& incoming);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Limits come into force (Worker::take_on). What is reserved takes those on that are above it where it was asked for;
  // what is not, will ask for them.
  base::Status take_on(std::span<const quota::OpeningLimit> limits,
                       const std::shared_ptr<const catalog::Snapshot>& next);

  static void* operator new(std::size_t size);
  static void operator delete(void* memory);

 private:
  // What the call may cost, and the request as it will be sent.
  struct Plan {
    bool made = false;
    meter::Request request;
    const meter::PriceBook* book = nullptr;     // of the caller
    const meter::PricedModel* price = nullptr;  // at the target's provider
    std::int64_t output_cap = 0;                // per choice, as reserved
    bool hide_usage = false;                    // the client did not ask for the usage chunk that we ask for
    std::string batch_url;                      // of the lines of a batch
    std::string_view asked;                     // the client's bytes
    std::string asked_model;                    // where the route may ask for another one
    std::string renamed;                        // the client's bytes with that one
    std::string_view uncapped;  // what goes upstream, but for a cap of ours: either of these, or `edited`
    std::string edited;
    std::optional<std::int64_t> clamped_to;
    std::string capped;         // with the cap of ours,
    std::string cap_field;      // under this name
    quota::Amounts worst_case;  // with the output cap as it stands
  };
  // A stream that goes on beyond its output cap, which it was sent with: what of it is paid for, and what is being
  // asked for. In output tokens.
  struct Beyond {
    std::int64_t cap = 0;                                     // of one choice, that the reservation pays for by now
    std::int64_t ahead_max = 0;                               // becomes less where more was refused
    std::shared_ptr<Later<quota::Decision>> asked = nullptr;  // the keeper, for what follows
    std::int64_t asked_ahead = 0;
    std::int64_t asked_cap = 0;
    quota::Amounts asked_worst_case = {};
    std::size_t asked_parts = 0;                // that the reservation had then
    std::optional<Failure> why = std::nullopt;  // the last refusal
    bool over = false;                          // nothing more is to be had
  };
  // A stream on its way through.
  struct Stream {
    meter::ReplyReader reader;
    meter::StreamSplitter splitter;
    std::string pending = {};        // bytes that go out before the next piece
    std::string visible = {};        // of a piece, the events that the client gets
    bool by_event = false;           // whole events go on, each when it was read; else pieces do, before they are read
    std::size_t gone_on = 0;         // bytes that went on already of the event that is being read
    std::int64_t cap = 0;            // output tokens of all choices, as they were asked for
    std::int64_t events = 0;         // that are for the client
    std::int64_t unpaid_events = 0;  // of `visible`, behind what is paid for
    std::size_t paid_for = 0;        // of `visible`
    bool ended = false;              // no more output will come
    std::unique_ptr<Beyond> beyond = nullptr;
    std::unique_ptr<meter::WorkStream> work = nullptr;  // of a response in the background
    bool work_named = false;                            // whose it is was written down, or could not be
    std::optional<Failure> broken = std::nullopt;
    bool cut = false;       // by us
    bool open_end = false;  // the client has half an event, which nothing can end
  };

  // Who calls what (resolve.cpp). First where it goes, which decides in what dialect a refusal is written.
  void locate();
  void take_keys_from_target();
  // A limiter's path (path_code.cpp). False: it is none.
  bool locate_by_code();
  Outcome<void> authenticate_by_code();
  // Of the route's targets.
  const catalog::Upstream& upstream_named(std::string_view name) const;
  Outcome<void> authenticate();
  Outcome<std::string_view> find_secret();
  Outcome<void> resolve();
  Outcome<void> resolve_endpoint();
  Outcome<void> read_gateway_field(const net::Field& field);
  Outcome<void> read_tags(std::string_view value);
  Outcome<void> read_quote(std::string_view value);
  net::Task<Outcome<void>> pass_on_free();
  net::Task<Outcome<void>> show_budget();
  net::Task<Outcome<void>> complete();
  // A call of an API without a dialect (call.cpp).
  Outcome<void> resolve_call(std::string_view path);
  net::Task<Outcome<void>> complete_call();
  Outcome<void> plan_call();
  net::Task<Outcome<void>> relay_call();
  void settle_call(std::optional<base::Money> cost);
  std::optional<base::Money> cost_by_head() const;
  net::Task<Outcome<std::string_view>> read_body();
  // Work that goes on after its reply (deferred.cpp).
  net::Task<Outcome<void>> complete_deferred();
  // What this account began under the name; not_found where it is none of these kinds.
  net::Task<Outcome<quota::DeferredDesk::Found>> find_work(std::string object,
                                                           std::span<const quota::DeferredKind> kinds);
  // Goes to the upstream that has the work, for nothing, and reads the head of its reply.
  net::Task<Outcome<void>> go_to(const std::string& upstream, std::string_view body);
  Outcome<void> hold_nothing();
  net::Task<base::Status> keep_work(quota::Deferred work);
  // A reply that is here whole, of a call that cost nothing.
  net::Task<void> send_free(std::string_view reply);
  // Reads the end of work in a reply, or in what a stream says of it. `head`: where it came.
  net::Task<void> settle_work(const quota::Deferred& work, const meter::ReplyHead& head, std::string_view reply);
  // A stream of it that is asked for again.
  net::Task<Outcome<void>> relay_work(const quota::Deferred& work);
  net::Task<base::Status> book_work(const quota::Deferred& work, const quota::KnownCost& known,
                                    std::string_view status);
  // If the call's work goes on: leaves what it holds unresolved, and writes down whose the work is.
  net::Task<Outcome<void>> defer(std::string_view reply);
  quota::Deferred own_work(std::string object);
  void leave_held();
  // The same for a stream: first whose the work is, before the client hears of it; at the end what it holds.
  net::Task<void> name_work(Stream& stream);
  static bool work_goes_on(const Stream& stream, const meter::Reply& said);
  // Lists of an account's batches and files (work_list.cpp).
  struct WorkPage {
    std::string data = {};  // the objects as the upstream shows them, a comma between each
    std::string first_id = {};
    std::string last_id = {};
    bool has_more = false;
    bool refused = false;  // an upstream did not show one: its answer is the client's
  };
  net::Task<Outcome<void>> complete_list();
  net::Task<Outcome<std::vector<quota::DeferredDesk::Found>>> list_work(quota::DeferredListing listing);
  net::Task<Outcome<void>> add_to_page(WorkPage& page, const quota::DeferredDesk::Found& found, std::string_view query);
  net::Task<void> send_page(const WorkPage& page);
  // Batches, and their files (batch.cpp).
  net::Task<Outcome<void>> complete_upload();
  net::Task<Outcome<void>> plan_batch(std::string_view body);
  net::Task<void> keep_outputs(const quota::Deferred& batch, std::string_view reply);
  net::Task<Outcome<void>> relay_file(const quota::DeferredDesk::Found& found);

  // Of the request; empty if it has none, or two, of which the upstream may take either.
  std::string_view content_type() const;
  Outcome<void> plan(std::string_view body);

  // What an Idempotency-Key is for (repeat.cpp).
  Outcome<void> read_idempotency_key();
  // Claims it. True: an earlier call's reply was sent in place of one of this call's own.
  net::Task<Outcome<bool>> repeat(std::string_view body);
  net::Task<idempotency::Desk::Answer> claim_key(std::string_view body, idempotency::Desk::WhileInFlight in_flight,
                                                 std::int64_t patience_ms,
                                                 std::function<idempotency::Desk::Answer()> too_late);
  Outcome<bool> refuse_repeat(const idempotency::Standing& standing) const;
  net::Task<void> replay(const idempotency::Standing& standing);
  // What is kept for the next one, while it passes.
  void keep_piece(std::string_view visible);
  void keep_reply();
  void choose_limits();
  Outcome<void> estimate();
  // Reserves from what this worker may hand out; false: the keeper has to be asked.
  bool reserve_at_once();
  // True: the call may cost less than was estimated.
  bool count_input();
  net::Task<Outcome<void>> reserve();
  // The same for a call that a held quote is to pay for.
  net::Task<Outcome<void>> redeem();
  Outcome<void> take_over(quota::Decision decision);
  // Until the reservation survives a power loss, where that was asked for.
  net::Task<Outcome<void>> until_durable();
  net::Task<base::Status> written();
  net::Task<quota::Decision> ask(std::int64_t wait_ms);
  void clamp(std::int64_t cap);
  // What goes to this upstream: providers want a cap under different names.
  std::string_view body_for(const catalog::Target& target);

  // The call as it goes to a target (fallback.cpp).
  struct AtTarget {
    meter::Request request;
    std::string renamed = {};  // the body, where it asks for another model than the client does
    const meter::PricedModel* price = nullptr;
    std::int64_t output_cap = 0;
  };
  // Asks for the model that the target has in place of the client's.
  Outcome<void> rename_for_target();
  base::Result<AtTarget> at_target(const catalog::Target& target) const;
  // The body that goes upstream, but for a cap of ours.
  void form_body(std::string_view body);
  // Whether the call goes on to another upstream after this one did not serve it, and nobody will bill that. Then it
  // has another target.
  bool goes_on(events::Attempt failed);
  bool goes_on_after(const base::Error& error);
  bool goes_on_after(const meter::Reply& refusal);
  // Whether what is reserved pays for the call at this target too, on the same limits; its prices then count.
  bool pays_at(const catalog::Target& target);
  bool counts_alike(const meter::Request& request);

  bool streams() const;
  Outgoing outgoing(std::string_view body, net::Incoming* streamed = nullptr);
  // What the upstream's whole reply says of itself.
  meter::Reply read_reply(std::string_view body) const;
  // A whole reply: settles it, and forms what the client gets.
  net::Stream::Parts settled_reply(std::string_view body);
  net::Task<Outcome<void>> relay_stream();
  net::Task<void> pass_on(Stream& stream, std::string_view piece);
  // The provider is not to go on.
  static void break_off(Stream& stream, base::Error why);
  net::Task<Outcome<void>> end_stream(Stream& stream);
  // What the client gets of a stream that broke, or was cut: the reason, where it can still be told.
  std::string broken_end(Stream& stream, const Failure& failure);
  void read_piece(Stream& stream, std::string_view piece);

  // What becomes of a stream beyond its cap (extend.cpp).
  bool is_beyond(const Stream& stream) const { return stream.reader.output().pieces > stream.cap && !stream.ended; }
  std::int64_t paid(const Beyond& beyond) const { return beyond.cap * plan_.request.choices; }
  // Whether all that has come is paid for. Asks for more ahead: what is free at once, and else the keeper.
  bool pays_for(Stream& stream);
  // The same, where it does not: until the keeper has answered. False: it is to be cut.
  net::Task<bool> pays_in_time(Stream& stream);
  std::int64_t ahead_of(const Stream& stream);
  std::int64_t least_ahead() const { return std::max<std::int64_t>(worker_.settings_.clamp_min_output_tokens, 1); }
  void ask_for(Beyond& beyond, std::int64_t output);
  void learn(Beyond& beyond, quota::Decision decision);
  void hold_more(Beyond& beyond, quota::Reservation::Extension extension);
  static void refuse(Beyond& beyond, base::Error why);
  Failure why_cut(const Beyond& beyond) const;
  void end_unmetered();  // books a call that costs nothing
  net::Task<Outcome<void>> relay_unmetered();
  // The reply's body, unchanged and in constant memory, behind a head that is open until here. `report` reads along,
  // to the end whoever listens; empty: nobody does.
  // False: it did not come, or did not go on, to its end.
  using ReadAlong = std::function<void(std::string_view piece)>;
  net::Task<bool> relay_body(net::HeadWriter writer, const ReadAlong& report);

  meter::BilledCall billed_call() const;
  // What is known of the cost when a reply has ended, booked. `came_whole`: the reply did not break off.
  void settle(const meter::Reply& reply, std::int64_t output_pieces, bool came_whole);
  // The upstream did not answer: released if nothing was sent, else it stays held. Hands the failure on.
  std::unexpected<Failure> give_up(Failure failure);

  // The reply's head as far as the upstream decides it: status and fields that are passed on.
  net::HeadWriter open_head();
  // `connection`: the reply's own field of that name, which may name others.
  static bool passes_on(const net::Field& field, const std::optional<std::string_view>& connection);
  void add_cost_fields(net::HeadWriter& writer);
  // What is left of the tightest money limit.
  void add_budget_fields(net::HeadWriter& writer);
  // The highest threshold that warns and is crossed.
  void add_budget_warning(net::HeadWriter& writer);
  std::string stream_head();
  std::string stream_end(meter::Framing framing);
  void note_first_byte();
  bool chunked() const { return head_.minor_version == 1; }
  void count_reply(int status);
  // Ends the reservation: it was billed that, or nothing.
  void book(const quota::Amounts& actual, meter::Certainty certainty);
  void release();
  void finish_record(events::UsageRecord& record, int status);
  net::Task<void> refuse(const Failure& failure);

  // What is noted for spans (tracing.cpp), each where there is a trace.
  void begin_trace();
  void end_trace();
  void trace_attempt();  // begins
  void trace_attempt_end(std::optional<base::ErrorType> error);
  void trace_record(const events::UsageRecord& record, base::Money cost, meter::Certainty certainty);
  void trace_refusal(const Failure& failure);
  std::string route_pattern() const;

  Worker& worker_;
  net::Incoming& incoming_;
  const net::RequestHead& head_;
  const base::Instant began_;
  const base::WallTime stamp_;
  std::optional<base::Instant> arrived_;         // whole; without its body, where that is passed on as it comes
  std::unique_ptr<events::UsageRecord> record_;  // until a reservation takes it over
  char request_id_[36];
  std::shared_ptr<const catalog::Snapshot> catalog_;
  std::optional<catalog::KeyEntry> caller_;
  std::span<const catalog::Limit* const> limits_;  // of the caller's: those that apply to this exchange
  boost::container::small_vector<const catalog::Limit*, 6> matching_;  // where not all do
  const catalog::Route* route_ = nullptr;
  const catalog::Target* target_ = nullptr;  // of the route: which upstream is tried, or will be
  catalog::TargetSet tried_;                 // that did not serve it
  base::Instant attempt_began_;
  enum class Kind : std::uint8_t {
    metered,   // a call of an LLM dialect
    free,      // a list of models
    budget,    // a question to ourselves
    call,      // of an API without a dialect
    deferred,  // about work that an earlier call began
    list,      // of such work, or of files
    upload,    // a file of requests
    batch,     // that begins one
  };
  Kind kind_ = Kind::metered;
  meter::Endpoint endpoint_;                 // of an LLM route: what its first upstream calls the address
  const catalog::CallRule* call_ = nullptr;  // of the route: which one this is
  std::string_view onward_;                  // the target behind the route's prefix, without our key
  std::string onward_text_;                  // where that is not a part of the client's own
  std::string_view secret_in_target_;
  std::string_view code_;                        // of a limiter's path, whether there is one with it or not
  std::shared_ptr<const LimiterRoute> limiter_;  // what `route_` is of, in such a path
  std::optional<base::Error> code_error_;        // why there is none
  bool own_place_ = false;                       // our key came where only it can stand
  bool wants_cost_comment_ = false;
  std::optional<base::QuoteId> quote_;

  Plan plan_;
  base::Money estimate_;
  std::string_view idempotency_key_;               // of a route that wants it; empty: none was sent
  std::optional<idempotency::Claim> claim_;        // until the reply is known whole
  std::string kept_;                               // with a claim: what the client has got of the body
  bool surely_undone_ = false;                     // the upstream refused: nothing was done that could be done twice
  std::optional<quota::Reservation> reservation_;  // from admission until it is settled
  std::vector<quota::Reservation::TakenOn> taken_on_;  // while the keeper is asked
  Answer answer_;

  // What was settled, for the reply's fields.
  std::optional<base::Money> cost_;
  std::optional<meter::Usage> usage_;

  std::unique_ptr<telemetry::ExchangeTrace> trace_;  // nullptr: nothing is noted
};

}  // namespace gateway
