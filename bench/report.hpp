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

/// Which side of the bar a value must stand on. Without a bar, it says what the
/// machine does, for comparison.
enum class bound { at_most, at_least, none };

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
    return side == bound::none
           || (side == bound::at_most ? value <= bar : value >= bar);
  }
};

/// A figure whose value is its ratio to the limit.
figure ratio_to(std::string key, series measured, series limit, bound side,
                double bar);

/// The same, without a bar.
figure comparison(std::string key, series measured, series limit);

/// A figure whose value is its median.
figure absolute(std::string key, series measured, bound side, double bar);

/// A figure whose value is its median, with a limit beside it to compare with.
figure beside(std::string key, series measured, series limit,
              bound side = bound::none, double bar = 0);

void print_table(std::ostream& out, const std::vector<figure>& figures);

/// Whether the file can be written, found out before anything is measured.
/// @throws std::runtime_error if it cannot
void check_writable(const std::string& path);

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
