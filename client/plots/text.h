// Text as figures and pages need it. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hooke::plots {

// For text and attribute values of XML and HTML: & < > " ' escaped, characters that XML 1.0 forbids
// replaced by U+FFFD, and bytes that are not UTF-8 too.
std::string escaped(std::string_view text);

// `value` with at most `decimals` decimals and no needless zeros: "12.5", "3", "-0.25". For coordinates.
std::string coordinate(double value, int decimals = 2);

// At most `characters` code points: the middle of a longer text gives way to "…" ("..." in ASCII).
std::string shortened(const std::string& text, std::size_t characters, bool ascii = false);

// Columns on a terminal: East Asian wide characters take two, combining ones none.
std::size_t columns_of(std::string_view text);

// Width of a text in units of its font's size, about: of a sans serif font.
double width_of(std::string_view text);

// What a terminal would obey or cannot show is replaced by "?" where `ascii`, else control characters by
// U+FFFD.
std::string printable(std::string_view text, bool ascii);

}  // namespace hooke::plots
