#include <iostream>

#include <flame/flame.hpp>

#include "thumbnail.hpp"

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    auto video = video_of(node.args());
    auto pool = node.pool(
      "ffmpeg", {.max = 2, .max_concurrency = 1, .backend = "process"});
    // One picture, made by one runner.
    auto first = flame::call(pool, thumbnail, 0.0, video);
    std::cout << "the first one has " << first.size() << " bytes\n";
    // Three of them, on two runners, in order.
    std::vector<double> seconds{1, 2, 3};
    for (auto& jpeg : flame::map(pool, seconds, thumbnail, video))
      std::cout << "another one has " << jpeg.size() << " bytes\n";
    // What a function throws arrives here.
    try {
      flame::call(pool, thumbnail, 0.0, "no such video");
    } catch (const flame::call_error& error) {
      std::cout << error.runner() << ": " << error.what() << '\n';
    }
  });
}
