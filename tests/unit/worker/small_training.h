// A training of milliseconds, to be changed by tests.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "tests/unit/worker/idx_files.h"
#include "tests/unit/worker/memory_recorder.h"
#include "worker/training/loop.h"

namespace hooke::training {

// Three classes of 12 images of 8 by 8 pixels, a net of one convolution, minibatches of 10.
class SmallTraining : public ::testing::Test {
 protected:
  SmallTraining() {
    hooke::tests::write_idx_set(root_.path() / "set", 36, 12, 3, 8);
    config_.data.set = "idx";
    config_.data.path = "set";
    config_.data.mean = {0.3};
    config_.data.deviation = {0.3};
    config_.model.type = "cnn";
    config_.model.channels = {4};
    config_.training.batch = 10;
    config_.training.lr = 0.01;
    options_.data_roots = {root_.path()};
  }

  hooke::tests::Memory run(const State* resume = nullptr) {
    const std::atomic<bool> never = false;
    hooke::tests::Memory memory;
    Loop loop(config_, options_, resume);
    EXPECT_EQ(loop.run(memory, never), Outcome::kFinished);
    weights_.clear();
    for (const at::Tensor& parameter : loop.net().parameters())
      weights_.push_back(parameter.detach().clone());
    return memory;
  }

  hooke::tests::TempFolder root_;
  Config config_;
  RunOptions options_;
  std::vector<at::Tensor> weights_;  // after the last run()
};

}  // namespace hooke::training
