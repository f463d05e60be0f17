// Series keys as file names and back. Pure functions; any thread.
//
// "train/loss" is train/loss.csv, as `hooke-worker run --out` writes it too. A byte that is not safe in
// file names is %XX; so are a dot that begins a name (no hidden files, no "..") and a slash that would
// leave a name empty. A name longer than 200 bytes goes on in a folder: "%/" stands for nothing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace hooke::formats {

// Relative, without the ending. REQUIRES: a key that is not empty.
std::string path_of_key(std::string_view key);

// The reverse; a path that path_of_key does not write is taken as it is. Absent: a '%' that is no code.
std::optional<std::string> key_of_path(std::string_view path);

}  // namespace hooke::formats
