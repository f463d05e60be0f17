// CIFAR-10 and CIFAR-100 in their binary versions. Pure functions; any thread.
//
// A record is one label byte (CIFAR-100: coarse, then fine label) and 3 x 32 x 32 bytes, red, green
// and blue plane, row-major.
#pragma once

#include <filesystem>

#include "worker/data/raw.h"

namespace hooke::data {

// Where the archives are to be had, for messages.
inline constexpr const char* kCifar10Origin =
    "unpack cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html there";
inline constexpr const char* kCifar100Origin =
    "unpack cifar-100-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html there";

// Reads data_batch_1.bin to data_batch_5.bin, one after the other, and test_batch.bin. Throws
// hooke::Error, field "data.path": kNotFound, kDataLoss with file and byte offset.
Raw read_cifar10(const std::filesystem::path& folder);

// Reads train.bin and test.bin with their fine labels. Errors as read_cifar10().
Raw read_cifar100(const std::filesystem::path& folder);

}  // namespace hooke::data
