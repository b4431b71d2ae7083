#include "runtime/gaussian/kinks.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::gaussian {
namespace {

int side(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : 2;
}

std::vector<double> grid(double low, double high) {
    constexpr int uniform = 8192;
    constexpr double per_decade = 64;
    std::vector<double> points;
    for (int i = 0; i <= uniform; ++i)
        points.push_back(low + (high - low) * i / uniform);
    const double far = std::max(std::abs(low), std::abs(high));
    for (int i = 0; i <= 16 * static_cast<int>(per_decade); ++i)
        for (const double side : {-1.0, 1.0})
            points.push_back(side * far * std::pow(10, -i / per_decade));
    points.push_back(0);
    std::erase_if(points, [&](double x) { return x < low || x > high; });
    std::sort(points.begin(), points.end());
    points.erase(std::unique(points.begin(), points.end()), points.end());
    return points;
}

// Between two points on different sides. What is found where squares underflow is 0.
double bisect(const Tape& u, double low, double high) {
    constexpr double nothing = 1e-100;
    int at_low = side(u(low));
    for (int step = 0; step < 2000; ++step) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        (side(u(middle)) == at_low ? low : high) = middle;
    }
    const double root = at_low == 0 ? low : high;
    return std::abs(root) < nothing ? 0 : root;
}

std::vector<double> roots(const std::vector<Tape>& functions, const std::vector<double>& points,
                          std::vector<double>* slopes = nullptr) {
    std::vector<double> result;
    std::vector<double> values(points.size());
    for (const Tape& u : functions) {
        u(points.size(), points.data(), values.data());
        for (std::size_t i = 0; i + 1 < points.size(); ++i) {
            if (side(values[i]) == side(values[i + 1]))
                continue;
            // A 0 alone among its neighbours is the root: z^2 is 0 by underflow long before z is.
            if (i + 2 < points.size() && values[i + 1] == 0 && values[i + 2] != 0)
                result.push_back(points[++i]);
            else
                result.push_back(bisect(u, points[i], points[i + 1]));
            if (slopes == nullptr)
                continue;
            const double step = 1e-5 * std::max(std::abs(result.back()), 1e-3);
            slopes->push_back(std::abs(u(result.back() + step) - u(result.back() - step)) / (2 * step));
        }
    }
    return result;
}

// Where u comes down to 0, but for rounding, and turns back.
void touches(const Touching& u, const std::vector<double>& points, std::vector<double>& result) {
    constexpr double nothing = 1e-12; // of its size around
    std::vector<double> values(points.size());
    u.value(points.size(), points.data(), values.data());
    for (std::size_t i = 1; i + 1 < points.size(); ++i) {
        const double size = std::max(std::abs(values[i - 1]), std::abs(values[i + 1]));
        if (side(values[i - 1]) != side(values[i + 1]) || !(std::abs(values[i]) < size))
            continue;
        const double low = points[i - 1], high = points[i + 1];
        if (side(u.slope(low)) == side(u.slope(high)))
            continue;
        if (const double root = bisect(u.slope, low, high); std::abs(u.value(root)) <= nothing * size)
            result.push_back(root);
    }
}

} // namespace

Kinks find_kinks(const Univariate& phi, double low, double high) {
    Kinks kinks;
    if (phi.switches.empty() && phi.bends.empty())
        return kinks;
    const std::vector<double> points = grid(low, high);
    kinks.sharp = roots(phi.switches, points);
    for (const Touching& u : phi.touching)
        touches(u, points, kinks.sharp);
    std::sort(kinks.sharp.begin(), kinks.sharp.end());
    const auto close = [](double a, double b) { return b - a <= 4e-16 * std::max(std::abs(a), std::abs(b)); };
    kinks.sharp.erase(std::unique(kinks.sharp.begin(), kinks.sharp.end(), close), kinks.sharp.end());
    std::vector<double> slopes;
    const std::vector<double> centres = roots(phi.bends, points, &slopes);
    for (std::size_t k = 0; k < centres.size(); ++k)
        if (slopes[k] > 0 && std::isfinite(slopes[k]))
            kinks.bends.push_back({centres[k], 1 / slopes[k]});
    std::sort(kinks.bends.begin(), kinks.bends.end(),
              [](const Bend& a, const Bend& b) { return a.at != b.at ? a.at < b.at : a.width < b.width; });
    const auto alike = [&](const Bend& a, const Bend& b) { return close(a.at, b.at) && b.width <= 2 * a.width; };
    kinks.bends.erase(std::unique(kinks.bends.begin(), kinks.bends.end(), alike), kinks.bends.end());
    return kinks;
}

void grade(const Bend& bend, double extent, std::vector<double>& edges) {
    constexpr double ratio = 8;
    if (std::abs(bend.at) < extent)
        edges.push_back(bend.at);
    for (double distance = bend.width; distance < 2 * extent; distance *= ratio)
        for (const double z : {bend.at - distance, bend.at + distance})
            if (std::abs(z) < extent)
                edges.push_back(z);
}

} // namespace tpc::gaussian
