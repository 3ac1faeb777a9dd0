#include "events/usage_record.h"

#include <doctest/doctest.h>

TEST_CASE("a record that is used again is empty, and keeps the memory of its texts") {
  const std::string text(100, 'x');
  const base::Uuid uuid{.bytes = {1}};
  // Every member by its place: a new one has to be given a value here, and to be reset.
  events::UsageRecord record{{uuid},
                             {1},
                             2,
                             3,
                             {uuid},
                             {uuid},
                             text,
                             text,
                             text,
                             text,
                             true,
                             events::Outcome::failed,
                             500,
                             base::ErrorType::internal,
                             base::Source::gateway,
                             meter::Usage{.input_tokens = 1},
                             base::Money::from_nanos(1),
                             base::Money::from_nanos(2),
                             text,
                             text,
                             {events::Hold{.limit = {uuid}, .label = {1}, .reserved = 1}},
                             {events::Attempt{.upstream = text}}};
  record.reset();
  CHECK(record == events::UsageRecord{});
  for (const std::string* one :
       {&record.route, &record.upstream, &record.model, &record.served_model, &record.price_version, &record.tags})
    CHECK(one->capacity() >= text.size());
}
