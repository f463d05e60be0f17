#include "tests/bench/measure_options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <map>

#include "proto/hooke/error.h"

namespace hooke::bench {
namespace {

constexpr const char* kMeasureUsage =
    "bench_measure [--model cnn|mlp|linear|resnet18|vgg|...] [--classes K] [--per-class P] [--threads T]\n"
    "              [--rounds R] [--naive-probes N: N of P updates are timed and the time is scaled]\n"
    "              [--device cpu|cuda:0] [--batch B: updates side by side, as on a GPU]\n"
    "              [--engine-only: for sizes that the naive procedure takes hours for]\n"
    "bench_measure --forward [--model M] [--classes K] [--per-class P] [--rounds R]\n"
    "bench_measure --train [--model M] [--threads T] [--rounds R] [--steps S] [--device D]\n"
    "              with --device D,D,...: minibatches split among devices, against the first alone\n";

int count_of(const std::string& option, const std::string& text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    throw invalid(option, "'" + text + "' is no count; " + kMeasureUsage);
  return value;
}

}  // namespace

MeasureOptions parse_measure_options(int argc, char** argv) {
  MeasureOptions options;
  const std::map<std::string, bool*> flags{{"--forward", &options.forward},
                                           {"--naive", &options.naive},
                                           {"--train", &options.train},
                                           {"--engine-only", &options.engine}};
  const std::map<std::string, std::string*> texts{{"--model", &options.model}, {"--device", &options.device}};
  const std::map<std::string, int*> counts{
      {"--classes", &options.classes}, {"--per-class", &options.per_class},
      {"--threads", &options.threads}, {"--rounds", &options.rounds},
      {"--batch", &options.batch},     {"--naive-probes", &options.naive_probes},
      {"--steps", &options.steps}};
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--help") {
      std::cout << kMeasureUsage;
      std::exit(0);
    }
    if (const auto flag = flags.find(option); flag != flags.end()) {
      *flag->second = true;
      continue;
    }
    const auto text = texts.find(option);
    const auto count = counts.find(option);
    if (text == texts.end() && count == counts.end())
      throw invalid(option, std::string("there is no such option; ") + kMeasureUsage);
    if (i + 1 == argc) throw invalid(option, std::string("needs a value; ") + kMeasureUsage);
    const std::string value = argv[++i];
    if (text != texts.end())
      *text->second = value;
    else
      *count->second = count_of(option, value);
  }
  if (options.naive_probes == 0) options.naive_probes = options.per_class;
  options.naive_probes = std::min(options.naive_probes, options.per_class);
  return options;
}

}  // namespace hooke::bench
