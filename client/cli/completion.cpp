// hooke completion
#include "client/cli/completion.h"

#include <algorithm>
#include <optional>
#include <ostream>
#include <set>

#include "client/cli/commands.h"
#include "client/cli/output.h"
#include "client/cli/resources.h"
#include "client/sdk/presets.h"

namespace hooke::cli {

extern const char* const kBashCompletion;
extern const char* const kZshCompletion;
extern const char* const kFishCompletion;

namespace {

// Somebody waits for the Tab: a server that needs longer counts as away.
constexpr std::chrono::milliseconds kServerPatience{400};
// So many of the newest are offered; more would not be read.
constexpr int kMostOffered = 200;

struct Candidate {
  std::string text;
  std::string description;
};

// A command line up to the word in progress.
struct Line {
  const CommandPage* command = nullptr;
  std::vector<std::string> arguments;  // its positionals so far
  const OptionPage* option = nullptr;  // whose value is in progress
  std::string current;                 // the word in progress, without "--option="
  std::string lead;                    // that part
};

const OptionPage* find_option(const CommandPage& program, const CommandPage& command,
                              const std::string& name) {
  for (const auto* options : {&command.options, &program.shared})
    for (const OptionPage& option : *options)
      if (std::count(option.names.begin(), option.names.end(), name)) return &option;
  return nullptr;
}

// What the words say of the server counts for the names that are asked for.
void connect_as_told(sdk::ConnectOptions& connect, const OptionPage& option, const std::string& value) {
  if (option.names.back() == "--server") connect.server = value;
  if (option.names.back() == "--token-file") connect.token_file = value;
  if (option.names.back() == "--token") connect.token = value;
  if (option.names.back() == "--ca") connect.ca = value;
  if (option.names.back() == "--cert") connect.cert = value;
  if (option.names.back() == "--key") connect.key = value;
}

// Nothing where a word is no command.
std::optional<Line> read_line(const CommandPage& program, Context& context,
                              const std::vector<std::string>& words) {
  Line line;
  line.command = &program;
  bool options_end = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool last = i + 1 == words.size();
    if (line.option) {
      if (last) {
        line.current = word;
        return line;
      }
      connect_as_told(context.connect, *line.option, word);
      line.option = nullptr;
    } else if (!options_end && word.starts_with("-") && (word.size() > 1 || last)) {
      const std::size_t equals = word.find('=');
      const OptionPage* option = find_option(program, *line.command, word.substr(0, equals));
      if (last) {
        const bool of_value = equals != std::string::npos && option;
        if (of_value) line.option = option;
        line.lead = of_value ? word.substr(0, equals + 1) : "";
        line.current = word.substr(line.lead.size());
        return line;
      }
      options_end = word == "--";
      if (!option || option->value.empty()) continue;
      if (equals == std::string::npos)
        line.option = option;
      else
        connect_as_told(context.connect, *option, word.substr(equals + 1));
    } else if (last) {
      line.current = word;
    } else if (!line.command->commands.empty()) {
      const auto& below = line.command->commands;
      const auto found = std::find_if(below.begin(), below.end(), [&](const CommandPage& command) {
        return command.path.ends_with(" " + word);
      });
      if (found == below.end()) return std::nullopt;
      line.command = &*found;
    } else {
      line.arguments.push_back(word);
    }
  }
  return line;
}

void add_experiments_by_name(Api& api, std::vector<Candidate>& found) {
  for (const v1::Experiment& experiment : api.list_experiments({.at_most = kMostOffered}))
    found.push_back({id_of(experiment.name()), "experiment, " + plural(experiment.run_count(), "run")});
}

void add_runs_by_id(Api& api, std::vector<Candidate>& found) {
  for (const v1::Run& run : api.list_runs("experiments/-", {.at_most = kMostOffered}))
    found.push_back({run.run_id(), experiment_of(run.name()) + ", seed " + std::to_string(run.seed()) + ", " +
                                       state_name(run.state())});
}

// What can be said of the first run that the line names; `value` says what.
void add_series_of(Api& api, const Line& line, const std::string& value, std::vector<Candidate>& found) {
  if (line.arguments.empty()) return;
  const auto runs = resolve_runs(api, {line.arguments.front()});
  if (runs.empty()) return;
  std::set<std::string> seen;
  for (const v1::SeriesInfo& series : api.list_series(runs.front().name())) {
    const bool matrix = series.kind() == v1::SERIES_KIND_MATRIX;
    const std::size_t slash = series.key().find('/');
    const std::size_t at = series.key().find('@');
    std::string text = series.key();
    if (value == "MEASURE") text = text.substr(slash + 1, at - slash - 1);
    if (value == "NAME") text = at == std::string::npos ? "" : text.substr(at + 1);
    if ((value != "KEY" && !matrix) || text.empty() || !seen.insert(text).second) continue;
    found.push_back({text, series.description()});
    // What is derived of a matrix, beside its entries.
    if (value == "KEY" && matrix) found.push_back({text + ".dominance", "own class over the others"});
  }
}

// Values of that kind, as help names it, that the server knows.
std::vector<Candidate> from_server(Context& context, const Line& line, const std::string& value) {
  std::vector<Candidate> found;
  try {
    Api& api = context.api();
    if (!api.healthy(kServerPatience)) return {};
    if (value.find("EXPERIMENT") != std::string::npos) add_experiments_by_name(api, found);
    if (value.find("RUN") != std::string::npos) add_runs_by_id(api, found);
    if (value == "KEY" || value == "MEASURE" || value == "NAME") add_series_of(api, line, value, found);
  } catch (const Error&) {
    return {};  // not authorised, or gone meanwhile: whoever presses Tab is told nothing
  }
  return found;
}

std::vector<Candidate> values(Context& context, const Line& line, const OptionPage& option) {
  std::vector<Candidate> found;
  for (const std::string& choice : option.choices) found.push_back({choice, ""});
  if (!found.empty()) return found;
  const std::string& value = option.value;
  if (value.starts_with("FILE") || value == "PATH") return {{":files", ""}};
  if (value == "DIR") return {{":folders", ""}};
  if (value == "PRESET") {
    for (const sdk::Preset& preset : sdk::presets())
      found.push_back({std::string(preset.name), sdk::summary(preset)});
    return found;
  }
  // A name that is still to be made up is no name of an update.
  const bool update = option.names.empty() || option.names.back().ends_with("update");
  if (value.find("RUN") != std::string::npos || value.find("EXPERIMENT") != std::string::npos ||
      value == "KEY" || value == "MEASURE" || (value == "NAME" && update))
    return from_server(context, line, value);
  return {};
}

std::vector<Candidate> option_names(const CommandPage& program, const CommandPage& command) {
  std::vector<Candidate> found;
  for (const auto* options : {&command.options, &program.shared})
    for (const OptionPage& option : *options) found.push_back({option.names.back(), option.description});
  return found;
}

std::vector<Candidate> candidates(const CommandPage& program, Context& context, const Line& line) {
  if (line.option) return values(context, line, *line.option);
  if (line.current.starts_with("-")) return option_names(program, *line.command);
  std::vector<Candidate> found;
  for (const CommandPage& command : line.command->commands)
    found.push_back({command.path.substr(command.path.rfind(' ') + 1), command.summary});
  if (!found.empty()) return found;
  const auto& positionals = line.command->positionals;
  if (positionals.empty()) return {};
  const std::size_t place = line.arguments.size();
  if (place < positionals.size()) return values(context, line, positionals[place]);
  return positionals.back().repeated ? values(context, line, positionals.back()) : found;
}

}  // namespace

void complete(const CommandPage& program, Context& context, const std::vector<std::string>& words) {
  const auto line = read_line(program, context, words);
  if (!line) return;
  std::set<std::string> given(line->arguments.begin(), line->arguments.end());
  for (const Candidate& candidate : candidates(program, context, *line)) {
    if (candidate.text.starts_with(":")) {
      context.out << candidate.text << '\n';
    } else if (candidate.text.starts_with(line->current) && !given.contains(candidate.text)) {
      context.out << line->lead << candidate.text;
      if (!candidate.description.empty()) context.out << '\t' << candidate.description;
      context.out << '\n';
    }
  }
}

void add_completion(CLI::App& app, Context& context) {
  struct CompletionOptions {
    std::string shell;
  };
  auto options = std::make_shared<CompletionOptions>();
  CLI::App* command = add_command<CompletionOptions>(
      app, "completion", "Completion with the Tab key: the script for a shell",
      "  source <(hooke completion bash)                 for this shell; in ~/.bashrc, for every one\n"
      "  source <(hooke completion zsh)                  in ~/.zshrc, after compinit\n"
      "  hooke completion fish | source                  in ~/.config/fish/config.fish\n"
      "\n"
      "An installed hooke needs none of them: the scripts stand where the shells look. Names of runs,\n"
      "experiments and series come from the server; when it is away there are none.",
      options, [&](const CompletionOptions& given) {
        context.out << (given.shell == "bash"  ? kBashCompletion
                        : given.shell == "zsh" ? kZshCompletion
                                               : kFishCompletion);
      });
  command->add_option("SHELL", options->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}))
      ->option_text("SHELL");
}

}  // namespace hooke::cli
