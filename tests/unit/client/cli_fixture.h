// Command lines of `hooke`, run in the test's own process against the fake server.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <streambuf>
#include <string>
#include <vector>

#include "client/cli/cli.h"
#include "tests/unit/client/fake_server.h"

namespace hooke::test {

struct Result {
  int code = -1;
  std::string out;
  std::string err;
};

// Text that one thread writes and another may read meanwhile.
class SharedText : public std::streambuf {
 public:
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  bool contains(const std::string& part) const { return text().find(part) != std::string::npos; }

 private:
  int_type overflow(int_type c) override {
    const std::lock_guard lock(mutex_);
    if (c != traits_type::eof()) text_ += static_cast<char>(c);
    return 0;
  }
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    const std::lock_guard lock(mutex_);
    text_.append(text, static_cast<std::size_t>(count));
    return count;
  }

  mutable std::mutex mutex_;
  std::string text_;  // guarded by mutex_
};

// A folder of its own that goes away with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hooke-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

class CliTest : public testing::Test {
 protected:
  void serve(Script script) {
    server_ = std::make_unique<FakeServer>(std::move(script));
    variables_["HOOKE_SERVER"] = server_->address();
  }

  Result hooke(const std::vector<std::string>& arguments) {
    out_ = std::make_unique<SharedText>();
    err_ = std::make_unique<SharedText>();
    return run(arguments);
  }

  // Output so far may be read by another thread: what hooke() prints comes here.
  Result run(const std::vector<std::string>& arguments) {
    std::ostream out(out_.get());
    std::ostream err(err_.get());
    cli::Context context(out, err);
    context.environment = [this](const char* name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
    context.terminal = terminal_;
    context.in = &in_;
    context.programs = programs_;
    const int code = cli::run(arguments, context);
    return {code, out_->text(), err_->text()};
  }

  TemporaryFolder folder_;
  std::map<std::string, std::string> variables_{{"HOME", folder_.path()}};
  cli::Terminal terminal_;
  std::istringstream in_;  // what is typed, where terminal_.in
  std::filesystem::path programs_;
  std::unique_ptr<FakeServer> server_;
  std::unique_ptr<SharedText> out_ = std::make_unique<SharedText>();
  std::unique_ptr<SharedText> err_ = std::make_unique<SharedText>();
};

inline constexpr const char* kSmallConfig =
    "name: shirts\n"
    "data: {set: fashion_mnist, classes: [0, 8]}\n"
    "model: {type: linear}\n"
    "training:\n"
    "  lr: 0.1\n"
    "  seed: 5\n";

}  // namespace hooke::test
