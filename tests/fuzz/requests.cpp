// Any request to any method, by gRPC, at a whole server with a run that was measured. What is wrong with it
// is the caller's fault: no answer may be an internal error, and every answer can be written as JSON.
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/generic/generic_stub.h>
#include <spdlog/spdlog.h>

#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/target.h"
#include "tests/unit/server/services/house.h"

using namespace hooke;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

namespace {

// Inputs between two servers: what they leave behind would make the later ones slow.
constexpr int kInputsPerHouse = 300;
constexpr std::chrono::milliseconds kStreamTime{30};
constexpr int kMessagesOfStream = 3;

// Every method but the worker's stream, which the target `records` is about.
const std::vector<const MethodDescriptor*>& methods() {
  static const std::vector<const MethodDescriptor*> all = [] {
    std::vector<const MethodDescriptor*> found;
    for (const auto* file :
         {v1::CreateTokenRequest::descriptor()->file(), v1::BackupRequest::descriptor()->file(),
          v1::GetRunRequest::descriptor()->file(), v1::GetSeriesRequest::descriptor()->file(),
          v1::LeaseRequest::descriptor()->file()}) {
      const auto* service = file->service(0);
      for (int i = 0; i < service->method_count(); ++i)
        if (!(service->method(i)->client_streaming() && service->method(i)->server_streaming()))
          found.push_back(service->method(i));
    }
    return found;
  }();
  return all;
}

const MethodDescriptor& method_of(std::uint8_t choice) {
  return *methods()[choice % methods().size()];
}

// A server with the experiment "measured": run <run> is half done, <other> waits.
struct Measured {
  Measured() {
    const auto runs = house.submit(2, "measured");
    grant = house.lease(runs[0]);
    other = runs[1];
    services::WorkerEnd worker(house, grant);
    worker.start(100)
        .declare("elasticity/kl", {"a", "b"}, 16)
        .declare_pairs("elasticity/kl.pairs", {"a", "b"}, 2);
    for (int step = 0; step < 30; ++step) {
      worker.scalar("train/loss", step, 1.0 / (1 + step));
      worker.matrix("elasticity/kl", step, {1, 0, 0.5F * static_cast<float>(step), 1});
    }
    worker.pairs("elasticity/kl.pairs", 29, 0, std::vector<float>(16, 0.5F)).barrier(29);
    fuzz::check(worker.commit(), "the run cannot be prepared");
    worker.close();
  }
  services::House house;
  v1::LeaseGrant grant;
  std::string other;
};

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  const auto at = text.find(word);
  return at == std::string::npos ? text : text.replace(at, word.size(), by);
}

// Puts the server's own ids where the input says <run>, <other> or <token>.
void name_real_things(Message& message, const Measured& at) {
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const auto real = [&](const std::string& text) {
      if (field->type() == FieldDescriptor::TYPE_BYTES) return text == "<token>" ? at.grant.token() : text;
      return replaced(replaced(text, "<run>", at.grant.run()), "<other>", at.other);
    };
    const bool many = field->is_repeated();
    const int count = many ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
        name_real_things(many ? *reflection.MutableRepeatedMessage(&message, field, i)
                              : *reflection.MutableMessage(&message, field),
                         at);
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
      many ? reflection.SetRepeatedString(&message, field, i,
                                          real(reflection.GetRepeatedString(message, field, i)))
           : reflection.SetString(&message, field, real(reflection.GetString(message, field)));
    }
  }
}

void check_answer(const MethodDescriptor& method, const std::string& bytes) {
  google::protobuf::MessageFactory& factory = *google::protobuf::MessageFactory::generated_factory();
  const std::unique_ptr<Message> answer(factory.GetPrototype(method.output_type())->New());
  std::string json;
  fuzz::check(
      answer->ParseFromString(bytes) && google::protobuf::util::MessageToJsonString(*answer, &json).ok(),
      method.full_name() + ": the answer cannot be written as JSON");
}

bool is_the_callers_fault(grpc::StatusCode code) {
  return code != grpc::StatusCode::INTERNAL && code != grpc::StatusCode::UNKNOWN &&
         code != grpc::StatusCode::DATA_LOSS && code != grpc::StatusCode::UNAVAILABLE;
}

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string bytes_of(grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  fuzz::check(buffer.DumpToSingleSlice(&slice).ok(), "no memory");
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// One call, message by message, as a worker or a user would make it.
grpc::Status call(Measured& at, const MethodDescriptor& method, const std::string& request) {
  const bool streams = method.server_streaming();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       (streams ? kStreamTime : std::chrono::milliseconds(20'000)));
  grpc::GenericStub stub(at.house.channel());
  grpc::CompletionQueue queue;
  void* tag = nullptr;
  bool ok = false;
  const auto stream =
      stub.PrepareCall(&context, "/" + method.service()->full_name() + "/" + method.name(), &queue);
  const auto next = [&] { return queue.Next(&tag, &ok) && ok; };
  stream->StartCall(nullptr);
  next();
  stream->WriteLast(buffer_of(request), {}, nullptr);
  next();
  for (int i = 0; i < kMessagesOfStream; ++i) {
    grpc::ByteBuffer answer;
    stream->Read(&answer, nullptr);
    if (!next()) break;
    check_answer(method, bytes_of(answer));
  }
  if (streams) context.TryCancel();
  grpc::Status status;
  stream->Finish(&status, nullptr);
  next();
  return status;
}

}  // namespace

const Message& fuzz::prototype(std::uint8_t choice) {
  return *google::protobuf::MessageFactory::generated_factory()->GetPrototype(method_of(choice).input_type());
}

const std::vector<std::string>& fuzz::words() {
  static const std::vector<std::string> all = {"<run>",
                                               "<other>",
                                               "experiments/measured",
                                               "experiments/-",
                                               "experiments/measured/runs/<run>",
                                               "experiments/-/runs/<other>",
                                               "measured",
                                               "train/loss",
                                               "elasticity/kl",
                                               "elasticity/kl[a,b]",
                                               "elasticity/kl.dominance",
                                               "elasticity/kl.selectivity[a]",
                                               "elasticity/kl.pairs",
                                               "kl",
                                               "a",
                                               "b",
                                               "state = RUNNING",
                                               "create_time desc",
                                               ""};
  return all;
}

// Two bytes: the method, and one that is not used; then the request.
void fuzz::one_input(Input input) {
  static std::unique_ptr<Measured> at;
  static int inputs = 0;
  const std::uint8_t choice = input.byte();
  input.byte();
  const MethodDescriptor& method = method_of(choice);
  const std::unique_ptr<Message> request(prototype(choice).New());
  if (!request->ParseFromString(std::string(input.rest()))) return;
  spdlog::set_level(spdlog::level::off);
  if (!at || ++inputs % kInputsPerHouse == 0) {
    at.reset();
    at = std::make_unique<Measured>();
  }
  name_real_things(*request, *at);
  const grpc::Status status = call(*at, method, request->SerializeAsString());
  fuzz::check(is_the_callers_fault(status.error_code()),
              method.full_name() + " {" + request->ShortDebugString() + "}: " + status.error_message());
  fuzz::check(status.ok() || !status.error_message().empty(),
              method.full_name() + ": an error that says nothing");
  // What was deleted or cancelled is needed by the next ones.
  if (status.ok() && (method.name().starts_with("Delete") || method.name().starts_with("Cancel") ||
                      method.name() == "Finish"))
    at.reset();
}
