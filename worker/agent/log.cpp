#include "worker/agent/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "proto/hooke/inert_message.h"

namespace hooke::agent {

void set_up_log(const std::string& level) {
  auto log = std::make_shared<spdlog::logger>("hooke-worker",
                                              std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<InertMessage>('*').set_pattern("[%Y-%m-%d %H:%M:%S.%e] [%n] [%^%l%$] %*");
  log->set_formatter(std::move(formatter));
  log->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(log));
}

}  // namespace hooke::agent
