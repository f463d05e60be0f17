// What may come next on a command line: commands, options and values from the command tree, names of
// runs, experiments and series from the server. The shells' scripts ask for it with every Tab.
//
// Functions without state; see Context for threads.
#pragma once

#include <string>
#include <vector>

#include "client/cli/cli.h"
#include "client/cli/pages.h"

namespace hooke::cli {

// The hidden command that the scripts call: `hooke __complete WORD… CURRENT`, the words after the
// program's name up to the cursor, the last of them perhaps empty.
inline constexpr const char* kCompleteCommand = "__complete";

// Prints a line for each candidate that begins with the last word: the candidate, a tab, what it is. Of
// files it prints ":files", of folders ":folders": the shell knows them better. Prints nothing where
// nothing is known, as when the server is away; never throws, and says nothing on standard error.
void complete(const CommandPage& program, Context& context, const std::vector<std::string>& words);

}  // namespace hooke::cli
