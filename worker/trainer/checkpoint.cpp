#include "worker/trainer/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "proto/hooke/error.h"
#include "worker/spool/files.h"
#include "worker/training/json_section.h"

namespace hooke::trainer {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kMagic = "HOOKECKP";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 8 + 4 + 8;
constexpr std::size_t kChecksumBytes = 4;

template <typename T>
std::string bytes_of(T value) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

template <typename T>
T number_at(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

std::uint32_t checksum(std::string_view bytes, std::uint32_t before = 0) {
  return static_cast<std::uint32_t>(
      crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

json description(const Checkpoint& checkpoint) {
  const training::State& state = checkpoint.state;
  json tensors = json::array(), unrecorded = json::array();
  for (const training::StoredTensor& tensor : state.tensors) {
    tensors.push_back({{"name", tensor.name},
                       {"dtype", tensor.dtype},
                       {"sizes", tensor.sizes},
                       {"strides", tensor.strides},
                       {"bytes", tensor.bytes.size()}});
  }
  // As bits: JSON has no NaN.
  for (const auto& [key, value] : state.unrecorded) {
    unrecorded.push_back({key, std::bit_cast<std::uint64_t>(value)});
  }
  return {{"config", checkpoint.config},
          {"record", checkpoint.record},
          {"libtorch_version", checkpoint.environment.libtorch_version},
          {"device", checkpoint.environment.device},
          {"cpu", checkpoint.environment.cpu},
          {"training_threads", checkpoint.environment.training_threads},
          {"step", state.step},
          {"optimizer_steps", state.optimizer_steps},
          {"unrecorded", unrecorded},
          {"data_checksums", state.data_checksums},
          {"probes", state.probes},
          {"tensors", tensors}};
}

// Throws what nlohmann::json throws, and std::out_of_range, when something is missing.
Checkpoint parse(const json& description, std::string_view bytes) {
  Checkpoint checkpoint;
  checkpoint.config = description.at("config");
  if (!json::parse(checkpoint.config).is_object()) throw std::invalid_argument("its configuration is none");
  checkpoint.record = description.at("record");
  checkpoint.environment = {description.at("libtorch_version"), description.at("device"),
                            description.at("cpu"), description.at("training_threads")};
  training::State& state = checkpoint.state;
  state.step = description.at("step");
  state.optimizer_steps = description.at("optimizer_steps");
  for (const json& entry : description.at("unrecorded")) {
    state.unrecorded.emplace_back(entry.at(0), std::bit_cast<double>(entry.at(1).get<std::uint64_t>()));
  }
  state.data_checksums = description.at("data_checksums").get<std::map<std::string, std::uint32_t>>();
  state.probes = description.at("probes").get<std::vector<std::vector<std::int64_t>>>();
  for (const json& tensor : description.at("tensors")) {
    const auto size = tensor.at("bytes").get<std::size_t>();
    if (size > bytes.size()) throw std::out_of_range("a tensor's bytes are missing");
    state.tensors.push_back({tensor.at("name"), tensor.at("dtype"), tensor.at("sizes"), tensor.at("strides"),
                             std::string(bytes.substr(0, size))});
    bytes.remove_prefix(size);
  }
  return checkpoint;
}

Error not_written(const fs::path& path) {
  const std::error_code error(errno, std::generic_category());
  return Error(Code::kResourceExhausted, "the checkpoint " + path.string() +
                                             " cannot be written: " + error.message() + spool::remedy(error));
}

// A file that is removed again unless it is kept.
class NewFile {
 public:
  explicit NewFile(fs::path path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) throw not_written(path_);
  }
  ~NewFile() {
    ::close(fd_);
    if (!kept_) ::unlink(path_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::string_view bytes) {
    checksum_ = checksum(bytes, checksum_);
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(fd_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) throw not_written(path_);
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
  }

  std::uint32_t written_checksum() const { return checksum_; }

  void keep_as(const fs::path& name) {
    if (::fsync(fd_) != 0 || ::rename(path_.c_str(), name.c_str()) != 0) throw not_written(name);
    kept_ = true;
  }

 private:
  const fs::path path_;
  int fd_ = -1;
  std::uint32_t checksum_ = 0;
  bool kept_ = false;
};

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) throw not_written(folder);
}

// A version that has a field more writes it so into the configuration of a run that does not use it.
// No configuration is deeper than `depth`; what a damaged file has there stays.
void drop_what_asks_for_nothing(json& value, int depth = 5) {
  for (auto inner = value.begin(); inner != value.end();) {
    if (inner->is_structured() && depth > 0) drop_what_asks_for_nothing(*inner, depth - 1);
    inner = value.is_object() && training::asks_for_nothing(*inner) ? value.erase(inner) : std::next(inner);
  }
}

}  // namespace

std::string file_name(const Checkpoint& checkpoint) {
  return "checkpoint-" + std::to_string(checkpoint.state.step) + "-" + std::to_string(checkpoint.record) +
         ".ckpt";
}

void write_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
  const fs::path path = folder / file_name(checkpoint);
  NewFile file(path.string() + ".tmp");
  const std::string text = description(checkpoint).dump();
  file.write(kMagic);
  file.write(bytes_of(kVersion));
  file.write(bytes_of(std::uint64_t{text.size()}));
  file.write(text);
  for (const training::StoredTensor& tensor : checkpoint.state.tensors) file.write(tensor.bytes);
  file.write(bytes_of(file.written_checksum()));
  file.keep_as(path);
  sync_folder(folder);
}

Checkpoint read_checkpoint(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Error(Code::kNotFound, path.string() + ": cannot be opened", "--resume");
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  const auto damaged = [&](const std::string& what) {
    return Error(Code::kDataLoss, "the checkpoint " + path.string() + " is damaged: " + what, "--resume");
  };
  if (bytes.size() < kHeaderBytes + kChecksumBytes || !bytes.starts_with(kMagic)) {
    throw damaged("it does not begin as one");
  }
  const std::string_view checked = std::string_view(bytes).substr(0, bytes.size() - kChecksumBytes);
  if (checksum(checked) != number_at<std::uint32_t>(bytes, checked.size())) throw damaged("wrong checksum");
  if (const auto version = number_at<std::uint32_t>(bytes, 8); version != kVersion) {
    throw Error(Code::kFailedPrecondition,
                "the checkpoint " + path.string() + " has format " + std::to_string(version) +
                    "; this program reads " + std::to_string(kVersion),
                "--resume");
  }
  const auto size = number_at<std::uint64_t>(bytes, 12);
  if (size > checked.size() - kHeaderBytes) throw damaged("its description is cut");
  try {
    return parse(json::parse(checked.substr(kHeaderBytes, size)), checked.substr(kHeaderBytes + size));
  } catch (const std::exception& error) {
    throw damaged(error.what());
  }
}

void check_same_run(const std::string& stored_config, const std::string& config) {
  json then = json::parse(stored_config), now = json::parse(config);
  for (json* one : {&then, &now}) {
    one->erase("name");
    if (one->contains("training")) (*one)["training"].erase("epochs");
    drop_what_asks_for_nothing(*one);
  }
  const json difference = json::diff(then, now);
  if (difference.empty()) return;
  std::string field = difference[0]["path"].get<std::string>().substr(1);
  std::replace(field.begin(), field.end(), '/', '.');
  throw Error(Code::kFailedPrecondition,
              "differs from the checkpoint's configuration; only training.epochs and name may", field);
}

std::string differences(const Environment& then, const Environment& now) {
  std::string text;
  const auto compare = [&](const char* what, const std::string& a, const std::string& b) {
    if (a != b) text += (text.empty() ? "" : ", ") + std::string(what) + " " + a + " then, " + b + " now";
  };
  compare("LibTorch", then.libtorch_version, now.libtorch_version);
  compare("device", then.device, now.device);
  compare("CPU", then.cpu, now.cpu);
  compare("training threads", std::to_string(then.training_threads), std::to_string(now.training_threads));
  return text;
}

}  // namespace hooke::trainer
