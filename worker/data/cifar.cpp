#include "worker/data/cifar.h"

#include "worker/data/files.h"

namespace hooke::data {
namespace {

constexpr std::size_t kCifarImageBytes = 3 * 32 * 32;

struct Format {
  std::size_t label_bytes;  // the last of them is the label that is read
  int labels;
  const char* origin;
};

// Appends the records of one file.
void read_records(const std::filesystem::path& file, const Format& format, Raw& raw, RawSplit& split) {
  const StoredFile stored = read_file(file, format.origin);
  const std::size_t record = format.label_bytes + kCifarImageBytes;
  const std::size_t records = stored.bytes.size() / record;
  if (records == 0 || stored.bytes.size() % record != 0) {
    throw damaged(file, "truncated: " + std::to_string(stored.bytes.size()) +
                            " bytes are no multiple of a record's " + std::to_string(record) +
                            "; the last record begins at offset " + std::to_string(records * record));
  }
  split.pixels.reserve(split.pixels.size() + records * kCifarImageBytes);
  for (std::size_t at = 0; at < stored.bytes.size(); at += record) {
    const std::size_t image = at + format.label_bytes;
    const int label = static_cast<unsigned char>(stored.bytes[image - 1]);
    if (label >= format.labels) {
      throw damaged(file, "label " + std::to_string(label) + " at offset " + std::to_string(image - 1) +
                              "; labels are 0 to " + std::to_string(format.labels - 1));
    }
    split.labels.push_back(label);
    const auto begin = stored.bytes.begin() + static_cast<std::ptrdiff_t>(image);
    split.pixels.insert(split.pixels.end(), begin, begin + kCifarImageBytes);
  }
  raw.checksums[file.filename().string()] = stored.checksum;
}

Raw empty_set(const std::filesystem::path& folder) {
  Raw raw;
  raw.shape = {3, 32, 32};
  raw.mean = {0.4914, 0.4822, 0.4465};
  raw.deviation = {0.2023, 0.1994, 0.2010};
  raw.path = folder.string();
  return raw;
}

const std::vector<std::string> kFineNames = {
    "apple",      "aquarium_fish", "baby",         "bear",       "beaver",      "bed",         "bee",
    "beetle",     "bicycle",       "bottle",       "bowl",       "boy",         "bridge",      "bus",
    "butterfly",  "camel",         "can",          "castle",     "caterpillar", "cattle",      "chair",
    "chimpanzee", "clock",         "cloud",        "cockroach",  "couch",       "crab",        "crocodile",
    "cup",        "dinosaur",      "dolphin",      "elephant",   "flatfish",    "forest",      "fox",
    "girl",       "hamster",       "house",        "kangaroo",   "keyboard",    "lamp",        "lawn_mower",
    "leopard",    "lion",          "lizard",       "lobster",    "man",         "maple_tree",  "motorcycle",
    "mountain",   "mouse",         "mushroom",     "oak_tree",   "orange",      "orchid",      "otter",
    "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",       "poppy",
    "porcupine",  "possum",        "rabbit",       "raccoon",    "ray",         "road",        "rocket",
    "rose",       "sea",           "seal",         "shark",      "shrew",       "skunk",       "skyscraper",
    "snail",      "snake",         "spider",       "squirrel",   "streetcar",   "sunflower",   "sweet_pepper",
    "table",      "tank",          "telephone",    "television", "tiger",       "tractor",     "train",
    "trout",      "tulip",         "turtle",       "wardrobe",   "whale",       "willow_tree", "wolf",
    "woman",      "worm"};

}  // namespace

Raw read_cifar10(const std::filesystem::path& folder) {
  const Format format = {1, 10, kCifar10Origin};
  Raw raw = empty_set(folder);
  raw.class_names = {"plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  for (int batch = 1; batch <= 5; ++batch) {
    read_records(folder / ("data_batch_" + std::to_string(batch) + ".bin"), format, raw, raw.train);
  }
  read_records(folder / "test_batch.bin", format, raw, raw.test);
  return raw;
}

Raw read_cifar100(const std::filesystem::path& folder) {
  const Format format = {2, 100, kCifar100Origin};
  Raw raw = empty_set(folder);
  raw.class_names = kFineNames;
  read_records(folder / "train.bin", format, raw, raw.train);
  read_records(folder / "test.bin", format, raw, raw.test);
  return raw;
}

}  // namespace hooke::data
