// A program of somebody else that has a dashboard, built against an installed
// flame.
#include <iostream>

#include <flame/dashboard.hpp>
#include <flame/flame.hpp>

int main(int argc, char** argv) {
  return flame::run(argc, argv, [](flame::node& node) {
    flame::dashboard page{node};
    std::cout << "the dashboard is at " << page.url() << '\n';
    return page.url().starts_with("http://127.0.0.1:") ? 0 : 1;
  });
}
