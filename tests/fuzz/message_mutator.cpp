#include "tests/fuzz/message_mutator.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <random>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed);

namespace hooke::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMostDepth = 4;

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  bool one_in(int n) { return below(n) == 0; }

  void change(Message& message) {
    std::vector<Message*> all;
    collect(message, all, 0);
    Message& chosen = *all[below(all.size())];
    const auto* type = chosen.GetDescriptor();
    if (type->field_count() == 0) return;
    const FieldDescriptor& field = *type->field(static_cast<int>(below(type->field_count())));
    field.is_repeated() ? change_list(chosen, field) : change_field(chosen, field);
  }

 private:
  template <class Count>
  std::size_t below(Count count) {
    return random_() % static_cast<std::size_t>(count);
  }

  static void collect(Message& message, std::vector<Message*>& all, int depth) {
    all.push_back(&message);
    if (depth == kMostDepth) return;
    const Reflection& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) {
        collect(*reflection.MutableMessage(&message, field), all, depth + 1);
      } else {
        for (int i = 0; i < reflection.FieldSize(message, field); ++i)
          collect(*reflection.MutableRepeatedMessage(&message, field, i), all, depth + 1);
      }
    }
  }

  void change_list(Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    const auto choice = below(5);
    if (size == 0 || choice == 0) return add(message, field);
    const int last = size - 1, one = static_cast<int>(below(size));
    if (choice == 1) return reflection.SwapElements(&message, &field, one, static_cast<int>(below(size)));
    if (choice == 2) {
      reflection.SwapElements(&message, &field, one, last);
      return reflection.RemoveLast(&message, &field);
    }
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && choice == 3) {
      const std::unique_ptr<Message> copy(reflection.GetRepeatedMessage(message, &field, one).New());
      copy->CopyFrom(reflection.GetRepeatedMessage(message, &field, one));
      return reflection.AddMessage(&message, &field)->CopyFrom(*copy);
    }
    change_element(message, field, one);
  }

  void add(Message& message, const FieldDescriptor& field) {
    const Reflection& r = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return r.AddInt32(&message, &field, static_cast<std::int32_t>(integer(0)));
      case FieldDescriptor::CPPTYPE_INT64:
        return r.AddInt64(&message, &field, integer(0));
      case FieldDescriptor::CPPTYPE_UINT32:
        return r.AddUInt32(&message, &field, static_cast<std::uint32_t>(integer(0)));
      case FieldDescriptor::CPPTYPE_UINT64:
        return r.AddUInt64(&message, &field, static_cast<std::uint64_t>(integer(0)));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return r.AddDouble(&message, &field, real());
      case FieldDescriptor::CPPTYPE_FLOAT:
        return r.AddFloat(&message, &field, static_cast<float>(real()));
      case FieldDescriptor::CPPTYPE_BOOL:
        return r.AddBool(&message, &field, one_in(2));
      case FieldDescriptor::CPPTYPE_ENUM:
        return r.AddEnumValue(&message, &field, enumerator(field));
      case FieldDescriptor::CPPTYPE_STRING:
        return r.AddString(&message, &field, text({}, field));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        r.AddMessage(&message, &field);
    }
  }

  void change_element(Message& message, const FieldDescriptor& field, int i) {
    const Reflection& r = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return r.SetRepeatedInt32(&message, &field, i,
                                  static_cast<std::int32_t>(integer(r.GetRepeatedInt32(message, &field, i))));
      case FieldDescriptor::CPPTYPE_INT64:
        return r.SetRepeatedInt64(&message, &field, i, integer(r.GetRepeatedInt64(message, &field, i)));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return r.SetRepeatedDouble(&message, &field, i, real());
      case FieldDescriptor::CPPTYPE_STRING:
        return r.SetRepeatedString(&message, &field, i, text(r.GetRepeatedString(message, &field, i), field));
      case FieldDescriptor::CPPTYPE_ENUM:
        return r.SetRepeatedEnumValue(&message, &field, i, enumerator(field));
      default:
        return;
    }
  }

  void change_field(Message& message, const FieldDescriptor& field) {
    const Reflection& r = *message.GetReflection();
    if (one_in(8)) return r.ClearField(&message, &field);
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return r.SetInt32(&message, &field, static_cast<std::int32_t>(integer(r.GetInt32(message, &field))));
      case FieldDescriptor::CPPTYPE_INT64:
        return r.SetInt64(&message, &field, integer(r.GetInt64(message, &field)));
      case FieldDescriptor::CPPTYPE_UINT32:
        return r.SetUInt32(&message, &field,
                           static_cast<std::uint32_t>(integer(r.GetUInt32(message, &field))));
      case FieldDescriptor::CPPTYPE_UINT64:
        return r.SetUInt64(
            &message, &field,
            static_cast<std::uint64_t>(integer(static_cast<std::int64_t>(r.GetUInt64(message, &field)))));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return r.SetDouble(&message, &field, real());
      case FieldDescriptor::CPPTYPE_FLOAT:
        return r.SetFloat(&message, &field, static_cast<float>(real()));
      case FieldDescriptor::CPPTYPE_BOOL:
        return r.SetBool(&message, &field, one_in(2));
      case FieldDescriptor::CPPTYPE_ENUM:
        return r.SetEnumValue(&message, &field, enumerator(field));
      case FieldDescriptor::CPPTYPE_STRING:
        return r.SetString(&message, &field, text(r.GetString(message, &field), field));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        r.MutableMessage(&message, &field);
    }
  }

  std::int64_t integer(std::int64_t before) {
    using Limits = std::numeric_limits<std::int64_t>;
    constexpr std::int64_t kSpecial[] = {0,
                                         1,
                                         -1,
                                         2,
                                         3,
                                         10,
                                         100,
                                         1'000'000,
                                         Limits::max(),
                                         Limits::min(),
                                         Limits::max() - 1,
                                         std::numeric_limits<std::int32_t>::max(),
                                         std::numeric_limits<std::int32_t>::min()};
    const auto unsigned_before = static_cast<std::uint64_t>(before);
    switch (below(4)) {
      case 0:
        return static_cast<std::int64_t>(unsigned_before + 1);
      case 1:
        return static_cast<std::int64_t>(unsigned_before - 1);
      case 2:
        return static_cast<std::int64_t>(below(64));
      default:
        return kSpecial[below(std::size(kSpecial))];
    }
  }

  double real() {
    using Limits = std::numeric_limits<double>;
    const double special[] = {0,
                              -0.0,
                              1,
                              -1,
                              0.5,
                              1e-300,
                              1e300,
                              Limits::quiet_NaN(),
                              Limits::infinity(),
                              -Limits::infinity(),
                              Limits::max(),
                              Limits::denorm_min()};
    return one_in(3) ? static_cast<double>(below(1000)) / 7 : special[below(std::size(special))];
  }

  int enumerator(const FieldDescriptor& field) {
    const auto& type = *field.enum_type();
    return one_in(16) ? 1000 : type.value(static_cast<int>(below(type.value_count())))->number();
  }

  std::string text(std::string before, const FieldDescriptor& field) {
    const bool bytes = field.type() == FieldDescriptor::TYPE_BYTES;
    if (!words().empty() && one_in(2) && !bytes) return words()[below(words().size())];
    if (bytes && one_in(4)) before.append(below(80), '\0');
    constexpr std::size_t kMore = 16;
    const std::size_t size = before.size();
    before.resize(size + kMore);
    before.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(before.data()), size, before.size()));
    // Text must be UTF-8.
    if (!bytes)
      std::replace_if(
          before.begin(), before.end(), [](char c) { return (c & 0x80) != 0; }, '~');
    return before;
  }

  std::minstd_rand random_;
};

}  // namespace
}  // namespace hooke::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed) {
  using namespace hooke::fuzz;
  Mutator mutator(seed);
  if (size <= kChoiceBytes || mutator.one_in(20)) return LLVMFuzzerMutate(data, size, most);
  const std::unique_ptr<google::protobuf::Message> message(prototype(data[0]).New());
  if (!message->ParseFromArray(data + kChoiceBytes, static_cast<int>(size - kChoiceBytes)))
    return LLVMFuzzerMutate(data, size, most);
  do mutator.change(*message);
  while (mutator.one_in(2));
  const std::string bytes = message->SerializePartialAsString();
  if (kChoiceBytes + bytes.size() > most) return size;
  std::memcpy(data + kChoiceBytes, bytes.data(), bytes.size());
  return kChoiceBytes + bytes.size();
}
