#include "client/cli/heat_maps.h"

#include "client/cli/matrix.h"

namespace hooke::cli {

plots::HeatMap heat_map_of(const v1::GetInfluenceResponse& influence) {
  check_shape(influence);
  plots::HeatMap map;
  map.title = influence.key();
  map.value_title = influence.shown() == "ratio_of_means" ? "ratio of means" : "mean of S";
  map.names.assign(influence.class_names().begin(), influence.class_names().end());
  map.is_signed = influence.is_signed();
  const int classes = influence.class_names_size();
  for (int responding = 0; responding < classes; ++responding)
    for (int updated = 0; updated < classes; ++updated) {
      map.values.push_back(shown_value(influence, responding, updated));
      map.texts.push_back(figure(map.values.back()));
      map.tips.push_back(cell_details(influence, responding, updated));
    }
  map.notes = caption(influence);
  return map;
}

}  // namespace hooke::cli
