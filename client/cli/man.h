// Man pages, made from the command tree when Hooke is built.
//
// A function without state.
#pragma once

#include <filesystem>
#include <string>

#include "client/cli/pages.h"

namespace hooke::cli {

// The hidden command that the build calls: `hooke __man FOLDER`.
inline constexpr const char* kManCommand = "__man";

// Writes hooke.1, hooke-runs.1, hooke-runs-list.1 …: one page for each command, into `folder`, which is
// made. Throws hooke::Error when a file cannot be written.
void write_man_pages(const CommandPage& program, const std::filesystem::path& folder);

// One page, as man's macros.
std::string man_page(const CommandPage& page);

}  // namespace hooke::cli
