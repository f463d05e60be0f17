#include "client/plots/text.h"

#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

namespace hooke::plots {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

// The code point at `at`, which moves behind it; bytes that are not UTF-8 count one by one.
std::uint32_t next_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at++);
  if (first < 0x80) return first;
  const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  if (first < 0xC2 || first > 0xF4 || at + more > text.size()) return kReplacement;
  std::uint32_t point = first & (0x3Fu >> more);
  for (std::size_t i = 0; i < more; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return kReplacement;
    point = point << 6 | (byte(at + i) & 0x3Fu);
  }
  constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  if (point < kLeast[more] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return kReplacement;
  at += more;
  return point;
}

void append_point(std::string& text, std::uint32_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0 | point >> 6);
    text += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0 | point >> 12);
    text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | point >> 18);
    text += static_cast<char>(0x80 | (point >> 12 & 0x3F));
    text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (point & 0x3F));
  }
}

std::vector<std::uint32_t> points_of(std::string_view text) {
  std::vector<std::uint32_t> points;
  for (std::size_t at = 0; at < text.size();) points.push_back(next_point(text, at));
  return points;
}

bool in_xml(std::uint32_t point) {
  return point == '\t' || point == '\n' ||
         (point >= 0x20 && point != 0xFFFE && point != 0xFFFF && point != 0x7F);
}

using Ranges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

bool within(const Ranges& ranges, std::uint32_t point) {
  for (const auto& [first, last] : ranges)
    if (point >= first && point <= last) return true;
  return false;
}

bool is_combining(std::uint32_t point) {
  static const Ranges kRanges = {{0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},
                                 {0x64B, 0x65F},   {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2064},
                                 {0x20D0, 0x20F0}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
  return within(kRanges, point);
}

bool is_wide(std::uint32_t point) {
  static const Ranges kRanges = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
                                 {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE4F},
                                 {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                                 {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
  return within(kRanges, point);
}

// Marks that turn the direction of the text around them.
bool turns_text(std::uint32_t point) {
  return (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (const std::uint32_t point : points_of(text)) {
    switch (point) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        append_point(safe, in_xml(point) && !turns_text(point) ? point : kReplacement);
    }
  }
  return safe;
}

std::string coordinate(double value, int decimals) {
  char text[400];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  std::string shown = text;
  if (shown.find('.') != std::string::npos) {
    shown.erase(shown.find_last_not_of('0') + 1);
    if (shown.back() == '.') shown.pop_back();
  }
  return shown == "-0" ? "0" : shown;
}

std::string shortened(const std::string& text, std::size_t characters, bool ascii) {
  const auto points = points_of(text);
  const std::string dots = ascii ? "..." : "…";
  const std::size_t taken = ascii ? 3 : 1;
  if (points.size() <= characters || characters <= taken) return text;
  const std::size_t kept = characters - taken, head = (kept + 1) / 2, tail = kept - head;
  std::string short_text;
  for (std::size_t i = 0; i < head; ++i) append_point(short_text, points[i]);
  short_text += dots;
  for (std::size_t i = points.size() - tail; i < points.size(); ++i) append_point(short_text, points[i]);
  return short_text;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (const std::uint32_t point : points_of(text))
    columns += is_combining(point) ? 0 : is_wide(point) ? 2 : 1;
  return columns;
}

double width_of(std::string_view text) {
  double width = 0;
  for (const std::uint32_t point : points_of(text)) {
    if (is_combining(point)) continue;
    const bool narrow =
        point < 0x80 &&
        std::string_view("iljtfr.,:;|![]()'/ ").find(static_cast<char>(point)) != std::string_view::npos;
    const bool broad = (point >= 'A' && point <= 'Z') || point == 'm' || point == 'w' || point == '%';
    width += is_wide(point) ? 1.05 : narrow ? 0.33 : broad ? 0.75 : 0.57;
  }
  return width;
}

std::string printable(std::string_view text, bool ascii) {
  std::string safe;
  for (const std::uint32_t point : points_of(text)) {
    const bool control = point < 0x20 || (point >= 0x7F && point < 0xA0) || turns_text(point);
    if (ascii)
      safe += point < 0x80 && !control ? static_cast<char>(point) : '?';
    else
      append_point(safe, control ? kReplacement : point);
  }
  return safe;
}

}  // namespace hooke::plots
