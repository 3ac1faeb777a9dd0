#include "meter/service_tier.h"

#include <doctest/doctest.h>

using meter::ServiceTier;

TEST_CASE("the tier that was served decides, and an unknown one is the dearest") {
  struct Row {
    const char* name;
    ServiceTier tier;
  };
  for (const Row& row :
       {Row{"default", ServiceTier::standard}, Row{"auto", ServiceTier::standard}, Row{"scale", ServiceTier::standard},
        Row{"on_demand", ServiceTier::standard}, Row{"flex", ServiceTier::flex}, Row{"priority", ServiceTier::priority},
        Row{"ultrafast", ServiceTier::priority}}) {
    CAPTURE(row.name);
    CHECK(meter::service_tier_from(row.name) == row.tier);
  }
  CHECK_FALSE(meter::known_service_tier("ultrafast").has_value());
}
