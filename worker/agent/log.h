// What hooke-worker tells on stderr: control characters as \xNN, since messages quote the server and the
// trainer.
#pragma once

#include <string>

namespace hooke::agent {

// Sets spdlog's default logger. `level`: as spdlog names them. Called once, before threads start.
void set_up_log(const std::string& level);

}  // namespace hooke::agent
