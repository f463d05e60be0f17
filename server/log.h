// What hooked tells on stderr.
#pragma once

#include <string>

namespace hooke {

// text: TIME LEVEL MESSAGE, control characters as \xNN, since messages quote what callers sent. json: an
// object a line, for collectors: time (RFC 3339), level, message.
enum class LogFormat { kText, kJson };

// Sets spdlog's default logger. `level`: as spdlog names them. Called once, before threads start.
void set_up_log(const std::string& level, LogFormat format);

}  // namespace hooke
