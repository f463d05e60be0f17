// What the targets of data sets share: a small set whose files are whole, one of which the input replaces.
#pragma once

#include <map>
#include <string>

#include "tests/fuzz/target.h"
#include "worker/data/data.h"

namespace hooke::fuzz {

// The input's first byte picks the file, the rest is what stands in it.
inline void load_with_one_file_of(Input input, const std::string& set,
                                  const std::map<std::string, std::string>& files) {
  static const Folder folder;
  const auto replaced = std::next(files.begin(), static_cast<std::ptrdiff_t>(input.byte() % files.size()));
  for (const auto& [name, bytes] : files)
    folder.write(name, name == replaced->first ? input.rest() : std::string_view(bytes));
  data::Config config;
  config.set = set;
  config.path = folder.path().string();
  allowed({Code::kInvalidArgument, Code::kDataLoss}, [&] {
    const data::DataSet loaded = data::load(config, {folder.path()}, 0);
    for (const data::Examples* split : {&loaded.train, &loaded.test})
      check(split->inputs.size() == split->count() * static_cast<std::size_t>(loaded.features()),
            "inputs and labels differ in number");
  });
}

}  // namespace hooke::fuzz
