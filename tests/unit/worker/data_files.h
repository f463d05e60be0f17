// A fixture for tests that read data sets from a temporary folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/hooke/error.h"
#include "tests/unit/worker/idx_files.h"
#include "worker/data/data.h"

namespace hooke::tests {

class DataFiles : public ::testing::Test {
 protected:
  static data::Config set(const std::string& name) {
    data::Config config;
    config.set = name;
    return config;
  }

  data::DataSet read(const data::Config& config) const { return data::load(config, {root_.path()}, 0); }

  void expect_error(const data::Config& config, Code code, const std::string& field,
                    const std::string& text) const {
    try {
      read(config);
      ADD_FAILURE() << "no error; expected one with '" << text << "'";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_EQ(error.field(), field) << error.what();
      EXPECT_THAT(error.what(), ::testing::HasSubstr(text));
    }
  }

  TempFolder root_;
};

}  // namespace hooke::tests
