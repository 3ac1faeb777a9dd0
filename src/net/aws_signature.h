#pragma once
// AWS Signature Version 4: how a request to Bedrock says whose it is. Source: AWS General Reference, "Create a signed
// AWS API request", for services that are not S3: the path is normalised and encoded once more. Bodies are signed
// whole; neither chunk by chunk nor by presigned addresses.

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/sha256.h"

namespace net {

struct AwsCredentials {
  std::string_view access_key_id;
  std::string_view secret_access_key;
  std::string_view session_token = {};  // of temporary credentials; else empty
};

struct AwsScope {
  std::string_view region;   // "us-east-1"
  std::string_view service;  // "bedrock", also for the host bedrock-runtime
};

struct AwsRequest {
  std::string_view method;
  std::string_view path;        // as it goes on the wire (aws_path): begins with '/', has no query
  std::string_view query = {};  // as it goes on the wire, without its '?'
  // Name and value of the fields that are signed: host at least, content-type and x-amz-*; none that a proxy may change
  // on the way. X-Amz-Date and X-Amz-Security-Token are added here.
  std::span<const std::pair<std::string_view, std::string_view>> headers;
  base::Sha256 body;  // digest of all its bytes
};

// What goes into the request's head: X-Amz-Date, Authorization, and the session token, where there is one, as
// X-Amz-Security-Token.
struct AwsSignature {
  std::string amz_date;
  std::string authorization;
};

// A signature is good for five minutes around `now`, as AWS's clock has it. Anything can be signed: nothing fails here.
AwsSignature sign_for_aws(const AwsRequest& request, const AwsCredentials& credentials, const AwsScope& scope,
                          base::WallTime now);

// A path as AWS's own clients write it, so that there is one way to sign it: escapes stay, and what is neither
// unreserved (RFC 3986) nor '/' is escaped. Model ids of Bedrock have a ':', and ARNs several.
std::string aws_path(std::string_view path);

}  // namespace net
