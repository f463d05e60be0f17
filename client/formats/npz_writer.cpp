#include <minizip/zip.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "client/formats/npy.h"
#include "client/formats/numbers.h"
#include "client/formats/out_file.h"
#include "client/formats/run_writer.h"

namespace hooke::formats {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkBytes = 1 << 20;
constexpr std::size_t kMostInMemory = 4 << 20;
// Above it an entry of a zip file needs the 64-bit form; a header takes less than the rest.
constexpr std::uint64_t kMostPlainBytes = 0xFFFFFFFF - (1 << 16);
constexpr unsigned long kUtf8Names = 1 << 11;
constexpr unsigned long kMadeByUnix = 3 << 8;

// One array of a series while its points come: several grow at a time, and a zip file takes one after the
// other. Kept in memory, and in a file without a name once it is large.
class Column {
 public:
  explicit Column(const fs::path& folder) : folder_(folder) {}
  ~Column() {
    if (file_ != nullptr) std::fclose(file_);
  }
  Column(const Column&) = delete;
  Column& operator=(const Column&) = delete;

  template <class Number>
  void add(Number value) {
    append({reinterpret_cast<const char*>(&value), sizeof value});
  }
  void append(std::string_view bytes) {
    size_ += bytes.size();
    memory_ += bytes;
    if (memory_.size() >= kMostInMemory) spill();
  }

  std::uint64_t size() const { return size_; }

  // Calls use(bytes) for all of it, in order.
  template <class Use>
  void read(Use use) {
    if (file_ != nullptr) {
      if (std::fseek(file_, 0, SEEK_SET) != 0) throw file_error(folder_, "cannot be read", errno);
      std::string chunk(kChunkBytes, '\0');
      while (const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), file_))
        use(std::string_view(chunk).substr(0, count));
      if (std::ferror(file_) != 0) throw file_error(folder_, "cannot be read", errno);
    }
    use(std::string_view(memory_));
  }

 private:
  // Beside the export, where there is room for it, and not in a small /tmp.
  void spill() {
    if (file_ == nullptr) {
      const fs::path path = folder_ / ".column";
      file_ = std::fopen(path.c_str(), "w+bxe");
      if (file_ == nullptr) throw file_error(path, "cannot be made", errno);
      std::error_code ignored;
      fs::remove(path, ignored);
    }
    if (std::fwrite(memory_.data(), 1, memory_.size(), file_) != memory_.size() || std::fflush(file_) != 0)
      throw file_error(folder_, "cannot be written to", errno);
    memory_.clear();
  }

  const fs::path folder_;
  std::string memory_;
  std::FILE* file_ = nullptr;
  std::uint64_t size_ = 0;
};

// A zip file of arrays, not compressed, as numpy.savez writes it.
class Archive {
 public:
  explicit Archive(const fs::path& path)
      : path_(path), zip_(::zipOpen64(path.c_str(), APPEND_STATUS_CREATE)) {
    if (zip_ == nullptr) throw file_error(path_, "cannot be made", errno);
  }
  ~Archive() {
    if (zip_ != nullptr) ::zipClose(zip_, nullptr);
  }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  void begin(const std::string& name, const std::string& type, const std::vector<std::uint64_t>& shape,
             std::uint64_t bytes) {
    zip_fileinfo about{};
    about.tmz_date = {0, 0, 0, 1, 0, 1980};  // the first date that the format knows: the same file each time
    check(::zipOpenNewFileInZip4_64(zip_, (name + ".npy").c_str(), &about, nullptr, 0, nullptr, 0, nullptr, 0,
                                    0, 0, -MAX_WBITS, DEF_MEM_LEVEL, Z_DEFAULT_STRATEGY, nullptr, 0,
                                    kMadeByUnix, kUtf8Names, bytes > kMostPlainBytes));
    write(npy_header(type, shape));
  }
  void write(std::string_view bytes) {
    check(::zipWriteInFileInZip(zip_, bytes.data(), static_cast<unsigned>(bytes.size())));
  }
  void end() { check(::zipCloseFileInZip(zip_)); }
  void close() { check(::zipClose(std::exchange(zip_, nullptr), nullptr)); }

  void add_texts(const std::string& name, const std::vector<std::string>& texts, bool single) {
    const NpyTexts array = npy_texts(texts);
    begin(name, array.type, single ? std::vector<std::uint64_t>() : std::vector<std::uint64_t>{texts.size()},
          array.bytes.size());
    write(array.bytes);
    end();
  }

 private:
  void check(int result) const {
    if (result == ZIP_OK) return;
    const int number = errno;
    throw file_error(path_, "cannot be written", number == 0 ? EIO : number);
  }

  const fs::path path_;
  zipFile zip_;
};

class NpzWriter : public RunWriter {
 public:
  NpzWriter(fs::path folder, std::string file) : folder_(std::move(folder)), file_(std::move(file)) {}

  void begin_run(const v1::Run& run) override {
    archive_.emplace(folder_ / (file_.empty() ? run.run_id() + ".npz" : file_));
    archive_->add_texts("run", {json_line(run)}, true);
  }

  void begin_series(const v1::ExportedSeries& series) override {
    const auto& info = series.info();
    key_ = info.key();
    kind_ = info.kind();
    const auto classes = static_cast<std::uint64_t>(info.class_names_size());
    probes_ = classes * static_cast<std::uint64_t>(info.per_class());
    cells_ = static_cast<std::size_t>(classes * classes);
    columns_.clear();
    add("step", "<i8");
    add("time_us", "<i8");
    switch (kind_) {
      case v1::SERIES_KIND_MATRIX:
        for (const char* plane : {"mean", "sd", "ratio_of_means"}) add(plane, "<f4", {classes, classes});
        for (const char* plane : {"skipped", "nonfinite"}) add(plane, "<u4", {classes, classes});
        break;
      case v1::SERIES_KIND_PAIRS:
        for (const char* side : {"numerators", "denominators"}) add(side, "<f4", {probes_, probes_});
        break;
      default:
        add("value", "<f8");
    }
    if (!info.description().empty()) archive_->add_texts(key_ + "/description", {info.description()}, true);
    if (classes == 0) return;
    archive_->add_texts(key_ + "/class_names", {info.class_names().begin(), info.class_names().end()}, false);
    archive_->begin(key_ + "/eligible", "<i8", {classes, classes}, cells_ * sizeof(std::int64_t));
    archive_->write({reinterpret_cast<const char*>(series.eligible().data()),
                     static_cast<std::size_t>(series.eligible_size()) * sizeof(std::int64_t)});
    archive_->end();
  }

  void scalars(const v1::ExportedScalars& points) override {
    for (int i = 0; i < points.step_size(); ++i) add_time(points.step(i), points.time_us(i));
    bytes(2).append({reinterpret_cast<const char*>(points.value().data()),
                     static_cast<std::size_t>(points.value_size()) * sizeof(double)});
  }

  void matrices(const v1::ExportedMatrices& points) override {
    const std::size_t plane = cells_ * sizeof(float);
    for (int i = 0; i < points.step_size(); ++i) {
      add_time(points.step(i), points.time_us(i));
      for (std::size_t p = 0; p < 5; ++p)
        bytes(2 + p).append(std::string_view(points.planes(i)).substr(p * plane, plane));
    }
  }

  // Denominators of updated probes alone are repeated for every row: one shape whatever the measure.
  void pairs(const v1::ExportedPairs& rows) override {
    if (rows.first_row() == 0) add_time(rows.step(), rows.time_us());
    bytes(2).append(rows.numerators());
    const bool each = rows.denominators().size() == rows.numerators().size();
    const std::size_t count = each ? 1 : rows.numerators().size() / rows.denominators().size();
    for (std::size_t row = 0; row < count; ++row) bytes(3).append(rows.denominators());
  }

  void end_series() override {
    const std::uint64_t points = bytes(0).size() / sizeof(std::int64_t);
    for (const auto& column : columns_) {
      std::vector<std::uint64_t> shape = {points};
      shape.insert(shape.end(), column->shape.begin(), column->shape.end());
      archive_->begin(key_ + "/" + column->name, column->type, shape, column->bytes.size());
      column->bytes.read([&](std::string_view chunk) { archive_->write(chunk); });
      archive_->end();
    }
    columns_.clear();
  }

  void end_run() override {
    archive_->close();
    archive_.reset();
  }

 private:
  struct Array {
    std::string name, type;
    std::vector<std::uint64_t> shape;  // of one point
    Column bytes;
  };

  void add(const char* name, const char* type, std::vector<std::uint64_t> shape = {}) {
    columns_.push_back(std::unique_ptr<Array>(new Array{name, type, std::move(shape), Column(folder_)}));
  }
  Column& bytes(std::size_t array) { return columns_[array]->bytes; }
  void add_time(std::int64_t step, std::int64_t time_us) {
    bytes(0).add(step);
    bytes(1).add(time_us);
  }

  const fs::path folder_;
  const std::string file_;
  std::optional<Archive> archive_;
  std::string key_;
  v1::SeriesKind kind_ = v1::SERIES_KIND_UNSPECIFIED;
  std::uint64_t probes_ = 0;
  std::size_t cells_ = 0;
  std::vector<std::unique_ptr<Array>> columns_;
};

}  // namespace

std::unique_ptr<RunWriter> make_npz_writer(const fs::path& folder, const std::string& file) {
  return std::make_unique<NpzWriter>(folder, file);
}

}  // namespace hooke::formats
