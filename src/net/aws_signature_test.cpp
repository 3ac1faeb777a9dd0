#include "net/aws_signature.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

using namespace net;

namespace {

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr std::string_view secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view suite_session_token =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthA"
    "x7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY"
    "9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

// A request of the AWS Signature Version 4 Test Suite (2019) and the signature that it publishes.
struct Vector {
  std::string_view name;
  std::string_view method;
  std::string_view target;
  std::string_view headers;  // "name:value" lines beside those that all have
  std::string_view body;
  std::string_view signed_headers;
  std::string_view signature;
  std::string_view session_token = {};
};

constexpr std::string_view bare = "host;x-amz-date";
constexpr std::string_view vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
constexpr std::string_view post_vanilla = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
constexpr std::string_view post_query = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11";
constexpr std::array suite{
    Vector{"get-header-key-duplicate", "GET", "/", "My-Header1:value2\nMy-Header1:value2\nMy-Header1:value1", "",
           "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    Vector{"get-header-value-order", "GET", "/",
           "My-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-Header1:value2", "",
           "host;my-header1;x-amz-date", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    Vector{"get-header-value-trim", "GET", "/", "My-Header1: value1\nMy-Header2: \"a   b   c\"", "",
           "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    Vector{"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", "", bare,
           "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    Vector{"get-utf8", "GET",
           "/\xE1\x88\xB4"
           "",
           "", "", bare, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    Vector{"get-vanilla-empty-query-key", "GET", "/?Param1=value1", "", "", bare,
           "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    Vector{"get-vanilla-query-order-encoded", "GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "", "", bare,
           "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    Vector{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "", "", bare,
           "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    Vector{"get-vanilla-query-order-key", "GET", "/?Param1=value2&Param1=Value1", "", "", bare,
           "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
    Vector{"get-vanilla-query-order-value", "GET", "/?Param1=value2&Param1=value1", "", "", bare,
           "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
    Vector{"get-vanilla-query-unreserved", "GET",
           "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~"
           "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
           "", "", bare, "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    Vector{"get-vanilla-query", "GET", "/", "", "", bare, vanilla},
    Vector{"get-vanilla-utf8-query", "GET",
           "/?\xE1\x88\xB4"
           "=bar",
           "", "", bare, "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    Vector{"get-vanilla-with-session-token", "GET", "/", "", "", "host;x-amz-date;x-amz-security-token",
           "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
           "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"},
    Vector{"get-vanilla", "GET", "/", "", "", bare, vanilla},
    Vector{"get-relative-relative", "GET", "/example1/example2/../..", "", "", bare, vanilla},
    Vector{"get-relative", "GET", "/example/..", "", "", bare, vanilla},
    Vector{"get-slash-dot-slash", "GET", "/./", "", "", bare, vanilla},
    Vector{"get-slash-pointless-dot", "GET", "/./example", "", "", bare,
           "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
    Vector{"get-slash", "GET", "//", "", "", bare, vanilla},
    Vector{"get-slashes", "GET", "//example//", "", "", bare,
           "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    Vector{"get-space", "GET", "/example space/", "", "", bare,
           "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    Vector{"get-special-character", "GET", "/example/$delete", "", "", bare,
           "a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27"},
    Vector{"post-header-key-case", "POST", "/", "", "", bare, post_vanilla},
    Vector{"post-header-key-sort", "POST", "/", "My-Header1:value1", "", "host;my-header1;x-amz-date",
           "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    Vector{"post-header-value-case", "POST", "/", "My-Header1:VALUE1", "", "host;my-header1;x-amz-date",
           "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    Vector{"post-sts-header-before", "POST", "/", "", "", "host;x-amz-date;x-amz-security-token",
           "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead", suite_session_token},
    Vector{"post-vanilla-empty-query-value", "POST", "/?Param1=value1", "", "", bare, post_query},
    Vector{"post-vanilla-query", "POST", "/?Param1=value1", "", "", bare, post_query},
    Vector{"post-vanilla", "POST", "/", "", "", bare, post_vanilla},
    Vector{"post-x-www-form-urlencoded-parameters", "POST", "/",
           "Content-Type:application/x-www-form-urlencoded; charset=utf8", "Param1=value1",
           "content-type;host;x-amz-date", "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
    Vector{"post-x-www-form-urlencoded", "POST", "/", "Content-Type:application/x-www-form-urlencoded", "Param1=value1",
           "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"}};

AwsSignature sign(const Vector& vector) {
  Headers headers{{"Host", "example.amazonaws.com"}};
  for (std::string_view left = vector.headers; !left.empty();) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    headers.emplace_back(line.substr(0, line.find(':')), line.substr(line.find(':') + 1));
  }
  const std::size_t mark = std::min(vector.target.find('?'), vector.target.size());
  const std::string_view query = vector.target.substr(mark);
  constexpr base::WallTime noon{1'440'938'160'000};  // 2015-08-30T12:36:00Z
  return sign_for_aws({.method = vector.method,
                       .path = vector.target.substr(0, mark),
                       .query = query.empty() ? query : query.substr(1),
                       .headers = headers,
                       .body = base::sha256(vector.body)},
                      {"AKIDEXAMPLE", secret, vector.session_token}, {"us-east-1", "service"}, noon);
}

}  // namespace

TEST_CASE("requests of AWS's test suite get the signatures that it publishes") {
  for (const Vector& vector : suite) {
    CAPTURE(std::string(vector.name));
    const AwsSignature signature = sign(vector);
    CHECK(signature.amz_date == "20150830T123600Z");
    CHECK(signature.authorization ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
              std::string(vector.signed_headers) + ", Signature=" + std::string(vector.signature));
  }
}

// The signatures are those of botocore 1.44.5 (SigV4Auth) for the same requests.
TEST_CASE("a model id of Bedrock is signed with its escapes escaped once more") {
  constexpr base::WallTime now{1'795'323'600'000};  // 2026-11-22T05:00:00Z
  const Headers headers{{"content-type", "application/json"}, {"host", "bedrock-runtime.us-east-1.amazonaws.com"}};
  const auto signature_of = [&](std::string_view path, std::string_view token) {
    const std::string wire = aws_path(path);
    const AwsSignature signature =
        sign_for_aws({.method = "POST", .path = wire, .headers = headers, .body = base::sha256(R"({"a":1})")},
                     {"AKIDEXAMPLE", secret, token}, {"us-east-1", "bedrock"}, now);
    CHECK(signature.amz_date == "20261122T050000Z");
    return signature.authorization.substr(signature.authorization.find("Signature="));
  };
  constexpr std::string_view haiku = "/model/us.anthropic.claude-haiku-4-5-20251001-v1:0/converse";
  CHECK(signature_of(haiku, "") == "Signature=6c98b9eea7f23ab41022499bae96fc219c1a712ee7afe121995da8899a992a00");
  CHECK(signature_of("/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse", "") == signature_of(haiku, ""));
  CHECK(signature_of(haiku, "the/token==") ==
        "Signature=677d3440a76d61435afa8df95d7c57b4f82b7dabfd041fd3d143cc27a46fbb54");
  constexpr std::string_view profile =
      "/model/arn:aws:bedrock:us-east-1:123456789012:inference-profile%2Fx/invoke-with-response-stream";
  CHECK(signature_of(profile, "") == "Signature=0c5567cabad3bde6952d7c4dced4667fc385fcb4ee6a0b9f92f6dff88e39c157");
  CHECK(aws_path(profile) ==
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fx/invoke-with-response-stream");
  CHECK(aws_path("/a b/%zz/~x.y_z-") == "/a%20b/%25zz/~x.y_z-");
}
