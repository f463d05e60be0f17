#include "server/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "proto/hooke/inert_message.h"

namespace hooke {
namespace {

constexpr const char* kTime = "%Y-%m-%dT%H:%M:%S.%e%z";

// The message as a JSON string, whatever it holds.
class JsonMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const nlohmann::json text = std::string(message.payload.data(), message.payload.size());
    const std::string quoted =
        text.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
    out.append(quoted.data(), quoted.data() + quoted.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }
};

}  // namespace

void set_up_log(const std::string& level, LogFormat format) {
  auto log = spdlog::stderr_logger_mt("hooked");
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (format == LogFormat::kText) {
    formatter->add_flag<InertMessage>('*').set_pattern(std::string(kTime) + " %l %*");
  } else {
    formatter->add_flag<JsonMessage>('*').set_pattern(std::string(R"({"time":")") + kTime +
                                                      R"(","level":"%l","message":%*})");
  }
  log->set_formatter(std::move(formatter));
  log->set_level(spdlog::level::from_str(level));
  log->flush_on(spdlog::level::info);
  spdlog::set_default_logger(log);
}

}  // namespace hooke
