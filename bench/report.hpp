/// What was measured, and how it is shown.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace bench {

/// One quantity, as each round measured it.
struct series {
  std::string what;
  std::string unit;
  std::vector<double> rounds;
};

/// Which side of the bar a value must stand on.
enum class bound { at_most, at_least };

/// One figure beside its limit.
struct figure {
  std::string key;
  series measured;
  /// No rounds where the bar is a figure of its own.
  series limit;
  double value = 0;
  bound side = bound::at_most;
  double bar = 0;

  bool met() const noexcept {
    return side == bound::at_most ? value <= bar : value >= bar;
  }
};

/// A figure whose value is its ratio to the limit.
figure ratio_to(std::string key, series measured, series limit, bound side,
                double bar);

/// A figure whose value is its median.
figure absolute(std::string key, series measured, bound side, double bar);

void print_table(std::ostream& out, const std::vector<figure>& figures);

/// An object with an object for each key.
/// @throws std::runtime_error if the file cannot be written
void write_json(const std::string& path, const std::vector<figure>& figures);

/// The line on standard error that says what is being measured.
class progress {
public:
  progress();

  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// Wipes the line.
  ~progress();

  void show(const std::string& text);

  void show(const std::string& text, std::size_t round, std::size_t rounds);

private:
  bool is_terminal_;
  std::string last_;
};

} // namespace bench
