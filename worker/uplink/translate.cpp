#include "worker/uplink/translate.h"

#include <google/protobuf/util/json_util.h>

#include "proto/hooke/error.h"

namespace hooke::uplink {
namespace {

void fill(v1::Record& out, spool::Scalars scalars) {
  v1::ScalarPoints& points = *out.mutable_scalars();
  points.set_step(scalars.step);
  points.set_time_us(scalars.time_us);
  for (auto& [key, value] : scalars.values) {
    points.add_key(std::move(key));
    points.add_value(value);
  }
}

void fill(v1::Record& out, spool::Matrix matrix) {
  v1::MatrixPoint& point = *out.mutable_matrix();
  point.set_step(matrix.step);
  point.set_time_us(matrix.time_us);
  point.set_key(std::move(matrix.series));
  point.set_planes(std::move(matrix.planes));
}

void fill(v1::Record& out, spool::Pairs pairs) {
  v1::PairsPoint& point = *out.mutable_pairs();
  point.set_step(pairs.step);
  point.set_time_us(pairs.time_us);
  point.set_key(std::move(pairs.series));
  point.set_first_row(static_cast<std::int32_t>(pairs.first_row));
  point.set_numerators(std::move(pairs.numerators));
  point.set_denominators(std::move(pairs.denominators));
}

}  // namespace

v1::Record to_protocol(const spool::Record& record) {
  v1::Record out;
  switch (record.kind) {
    case spool::Kind::kJson: {
      const auto status = google::protobuf::util::JsonStringToMessage(record.payload, &out);
      if (!status.ok())
        throw Error(Code::kDataLoss, "record " + std::to_string(record.number) +
                                         " of the spool: " + std::string(status.message()));
      break;
    }
    case spool::Kind::kScalars:
      fill(out, spool::decode_scalars(record.payload));
      break;
    case spool::Kind::kMatrix:
      fill(out, spool::decode_matrix(record.payload));
      break;
    case spool::Kind::kPairs:
      fill(out, spool::decode_pairs(record.payload));
      break;
  }
  if (out.body_case() == v1::Record::BODY_NOT_SET)
    throw Error(Code::kDataLoss, "record " + std::to_string(record.number) + " of the spool says nothing");
  out.set_number(record.number);
  return out;
}

}  // namespace hooke::uplink
