#pragma once
// Requests that come as multipart forms: how they are read stands in requests_media.cpp and requests_images.cpp.

#include <string_view>

#include "base/result.h"
#include "meter/dialect.h"

namespace meter {

struct RequestReading;

using ReadForm = base::Status (*)(std::string_view body, RequestReading& reading);
// nullptr: this endpoint's requests are no forms.
ReadForm form_reader_of(const Endpoint& endpoint) noexcept;

// model and file of audio that becomes text. Only formats whose head says how long they last at most are taken.
base::Status read_transcription(std::string_view body, RequestReading& reading);
// Images that are sent to be changed. Only models of which it is known what an image that they read costs at most.
base::Status read_image_edit(std::string_view body, RequestReading& reading);
base::Status read_image_variation(std::string_view body, RequestReading& reading);

}  // namespace meter
