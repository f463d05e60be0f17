// Spool files: the agent reads one, the trainer opens it again and cuts a torn end. Both see the same
// records; the file never grows by that, and can be appended to afterwards.
#include "worker/spool/spool.h"

#include <vector>

#include "tests/fuzz/target.h"
#include "worker/uplink/translate.h"

using namespace hooke;

namespace {

std::vector<spool::Record> read(const std::filesystem::path& path) {
  std::vector<spool::Record> records;
  spool::Reader reader(path);
  while (auto record = reader.next()) records.push_back(std::move(*record));
  return records;
}

void translate(const spool::Record& record) {
  fuzz::allowed({Code::kDataLoss}, [&] {
    switch (record.kind) {
      case spool::Kind::kScalars:
        fuzz::check(encode(spool::decode_scalars(record.payload)) == record.payload, "scalars changed");
        break;
      case spool::Kind::kMatrix: {
        const auto matrix = spool::decode_matrix(record.payload);
        fuzz::check(encode(matrix) == record.payload, "a matrix changed");
        fuzz::check(matrix.planes.empty() == (matrix.rows == 0 || matrix.columns == 0),
                    "cells without bytes");
        break;
      }
      case spool::Kind::kPairs:
        fuzz::check(encode(spool::decode_pairs(record.payload)) == record.payload, "pairs changed");
        break;
      case spool::Kind::kJson:
        break;
    }
    fuzz::check(uplink::to_protocol(record).number() == record.number, "a record changed its number");
  });
}

// Writes a spool of whole frames: each a kind, a length and a payload of the input.
void write_frames(const std::filesystem::path& path, fuzz::Input input) {
  std::filesystem::remove(path);
  spool::Writer writer(path);
  while (!input.empty()) {
    const auto kind = static_cast<spool::Kind>(1 + input.byte() % 4);
    std::string payload;
    for (std::size_t left = input.byte(); left > 0 && !input.empty(); --left)
      payload += static_cast<char>(input.byte());
    writer.append(kind, payload);
  }
}

}  // namespace

// The first byte: whether the input is payloads, to be framed, or a file; whether a file begins with the note
// of what was freed (a line).
void fuzz::one_input(Input input) {
  const std::uint8_t choice = input.byte();
  static const fuzz::Folder folder;
  const auto note = folder.path() / (std::string(spool::kFileName) + ".freed");
  std::filesystem::remove(note);
  if (choice & 2) folder.write(note.filename(), input.until('\n'));
  const auto path = folder.write(spool::kFileName, input.rest());
  if (choice & 1) write_frames(path, input);
  const auto bytes = std::filesystem::file_size(path);
  fuzz::allowed({Code::kDataLoss, Code::kUnavailable}, [&] {
    const auto before = read(path);
    for (const spool::Record& record : before) translate(record);
    {
      spool::Writer writer(path);
      fuzz::check(std::filesystem::file_size(path) <= bytes, "a spool grew when it was opened");
      writer.append(spool::Kind::kJson, R"({"barrier": {"step": "1"}})");
    }
    const auto after = read(path);
    fuzz::check(after.size() == before.size() + 1 && std::equal(before.begin(), before.end(), after.begin()),
                "opening a spool changed its records");
  });
}
