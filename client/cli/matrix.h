// Influence matrices for people: the table, and the sentence that says what it shows.
//
// Pure functions; any thread may call. The figures are the server's: none is computed here.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/cli/output.h"
#include "hooke/v1/query.pb.h"

namespace hooke::cli {

// Refuses an answer whose parts do not fit together. Throws hooke::Error (kInternal).
void check_shape(const v1::GetInfluenceResponse& influence);

// The figure of a cell that is shown first: its mean, or for signed measures its ratio of means.
double shown_value(const v1::GetInfluenceResponse& influence, int responding, int updated);

// About three digits: "0.41", "92.2", "804"; very small and very large ones as "1.2e-05".
std::string figure(double value);

// Beside the figure: "0.38 to 0.44, sd 0.1, 400 pairs, 3 skipped".
std::string cell_details(const v1::GetInfluenceResponse& influence, int responding, int updated);

// A table with a row and a column for each class; text(row, column) is what stands there. The diagonal stands
// in [brackets], and in bold with `colour`.
std::vector<std::string> class_table(const google::protobuf::RepeatedPtrField<std::string>& classes,
                                     const std::function<std::string(int, int)>& text, bool colour);

// Rows respond, columns were updated. The updated class itself stands in [brackets], and in bold
// with `colour`.
std::vector<std::string> matrix_lines(const v1::GetInfluenceResponse& influence, bool colour);

// Two lines: what was measured and when; what the figures are, and over how many pairs.
std::vector<std::string> caption(const v1::GetInfluenceResponse& influence);

// "An update on T-shirt moves T-shirt most (1.00), then bag (0.41).", one sentence for each class.
std::vector<std::string> sentences(const v1::GetInfluenceResponse& influence);

// "0.73 (0.70 to 0.76)", without an interval "0.73".
std::string estimate_text(const v1::Estimate& estimate);

}  // namespace hooke::cli
