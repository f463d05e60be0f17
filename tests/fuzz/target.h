// What the targets share. A target is one file that defines one_input(): any bytes may be handed to it, and
// whatever Hooke does with them must end within a second, in a result or in a hooke::Error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "proto/hooke/error.h"

// libFuzzer's function, which calls one_input().
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hooke::fuzz {

// Ends the process when `holds` is false, which is how a finding is told.
void check(bool holds, std::string_view what);

// Runs `work`. Anything but a hooke::Error that says something and has one of `codes` is a finding.
// False when it threw one.
bool allowed(std::initializer_list<Code> codes, const std::function<void()>& work);

// An input from its front to its end; past its end there are zeros.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t byte();
  // Up to the next `end`, which is taken too, or all there is.
  std::string_view until(char end);
  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// To be defined by a target.
void one_input(Input input);

// A folder in memory where there is one, removed at the process's end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Writes a file and returns its path.
  std::filesystem::path write(const std::string& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

}  // namespace hooke::fuzz
