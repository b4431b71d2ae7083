#include "compiler/emit/prelude_texts.hpp"

namespace tpc::emit {

const char* const features_text =
    R"(// A function f of a Gaussian m + s z by its Hermite coefficients E[f he_k] / E[f^2]^1/2 and E[f' he_k]. What is left of f
// and f' beyond `terms` is below 1e-13 of their squares: so much is left of a product of two, when both go on to the larger of
// their terms. Beyond what is stored, 1e-22 of the squares are left (1e-13 where that takes more than 1024 terms), or `open`,
// of functions with kinks or as good as that: more.
template <std::size_t lanes> struct Series {
    std::size_t terms = 0;
    bool open = false;
    std::vector<Row<lanes>> value, slope;
    std::vector<Row<lanes>> tail; // of the squares of values from here on, one more than these
    Row<lanes> norm{};            // E[f^2]^1/2
};

// A place where a function bends, within a width of it; a kink has none.
struct Bend {
    double at, width;
};

// Edges of panels around a bend, at growing distances.
inline void grade(std::vector<double>& edges, double at, double width, double extent) {
    if (std::abs(at) < extent)
        edges.push_back(at);
    for (double distance = width; width > 0 && distance < 2 * extent; distance *= 8)
        for (const double z : {at - distance, at + distance})
            if (std::abs(z) < extent)
                edges.push_back(z);
}

// Nodes and weights (without the density) on -extent .. extent: the trapezoidal rule for smooth functions, else panels of
// Gauss's rule that end at the edges.
struct Nodes {
    std::vector<double> z, weight;
};
inline Nodes nodes_on(double extent, std::vector<double> edges, bool smooth, std::size_t fineness, double rate) {
    Nodes nodes;
    if (smooth) {
        // of no simple ratio: a wave that is too fast for two of them looks different
        const std::size_t half = std::size_t(std::pow(double(fineness), 1.1) * (1 + extent * rate / 6));
        for (std::size_t j = 0; j <= 2 * half; ++j) {
            nodes.z.push_back(extent * (double(j) - double(half)) / double(half));
            nodes.weight.push_back(extent / double(half));
        }
        return nodes;
    }
    edges.push_back(-extent);
    edges.push_back(extent);
    std::sort(edges.begin(), edges.end());
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
        const double length = edges[i + 1] - edges[i];
        const std::size_t panels = fineness * std::size_t(std::ceil(length * rate / 8));
        for (std::size_t panel = 0; panel < panels; ++panel) {
            const double half = length / double(panels) / 2, centre = edges[i] + half * double(2 * panel + 1);
            for (std::size_t j = 0; j < std::size(gauss_nodes); ++j)
                for (const double side : {-1.0, 1.0}) {
                    nodes.z.push_back(centre + side * half * gauss_nodes[j]);
                    nodes.weight.push_back(half * gauss_weights[j]);
                }
        }
    }
    return nodes;
}

// The extent beyond which f^2 and f'^2 times the density are negligible.
template <class F, class G> double extent_of(const F& f, const G& slope, double deviation, double mean) {
    const auto magnitude = [&](double z) {
        const double x = mean + deviation * z, d = std::abs(slope(x));
        return 2 * std::log(std::max(std::abs(f(x)), std::isfinite(d) ? d : 0) + 1e-300) - z * z / 2;
    };
    double peak = -std::numeric_limits<double>::infinity();
    for (double z = -40; z <= 40; z += 0.25)
        peak = std::max(peak, magnitude(z));
    for (double extent = 13; std::isfinite(peak) && extent <= 36; extent += 1) {
        double outside = -std::numeric_limits<double>::infinity();
        for (double z = extent; z <= 40; z += 0.25)
            outside = std::max({outside, magnitude(z), magnitude(-z)});
        if (outside < peak - 74)
            return extent;
    }
    throw std::domain_error("a function grows too fast for its Gaussian, or is not defined everywhere");
}

struct Projection {
    std::vector<double> value, slope; // E[f he_k], E[f' he_k], not normalised
    double value_norm = 0, slope_norm = 0;
};

// he_k(z) times the root of the density by sqrt(k+1) he_{k+1} = z he_k - sqrt(k) he_{k-1}, for several nodes at once.
template <class F, class G>
Projection project(const F& f, const G& slope, const Nodes& nodes, std::size_t terms, double deviation, double mean) {
    constexpr std::size_t width = 32;
    std::vector<Row<width>> value(terms), change(terms);
    std::vector<double> down(terms), up(terms);
    for (std::size_t k = 0; k < terms; ++k) {
        down[k] = std::sqrt(double(k));
        up[k] = 1 / std::sqrt(double(k + 1));
    }
    Projection result;
    for (std::size_t first = 0; first < nodes.z.size(); first += width) {
        Row<width> z{}, y{}, d{}, previous{}, current{};
        for (std::size_t l = 0; l < std::min(width, nodes.z.size() - first); ++l) {
            z[l] = nodes.z[first + l];
            current[l] = std::exp(-z[l] * z[l] / 4) / std::sqrt(std::sqrt(2 * 3.141592653589793));
            const double x = mean + deviation * z[l], w = nodes.weight[first + l];
            const double root = f(x) * current[l], steep = slope(x) * current[l];
            result.value_norm += w * root * root;
            result.slope_norm += w * steep * steep;
            y[l] = w * root;
            d[l] = w * steep;
        }
        for (std::size_t k = 0; k < terms; ++k) {
            for (std::size_t l = 0; l < width; ++l) {
                const double he = current[l];
                value[k][l] += y[l] * he;
                change[k][l] += d[l] * he;
                current[l] = (z[l] * he - down[k] * previous[l]) * up[k];
                previous[l] = he;
            }
        }
    }
    const auto sum = [](const Row<width>& row) {
        double total = 0;
        for (const double x : row)
            total += x;
        return total;
    };
    for (std::size_t k = 0; k < terms; ++k) {
        result.value.push_back(sum(value[k]));
        result.slope.push_back(sum(change[k]));
    }
    return result;
}

// The least number of terms beyond which the squares of both lists are below `rest` of their norms.
inline std::size_t terms_for(const Projection& p, double rest) {
    std::size_t terms = p.value.size();
    double value = 0, slope = 0;
    while (terms > 1) {
        value += p.value[terms - 1] * p.value[terms - 1];
        slope += p.slope[terms - 1] * p.slope[terms - 1];
        if (value > rest * p.value_norm || slope > rest * p.slope_norm)
            break;
        --terms;
    }
    return terms;
}

// Their squares add up to those of the function and its slope: a fast wave has its first coefficients far along.
inline bool complete(const Projection& p) {
    double value = 0, slope = 0;
    for (std::size_t k = 0; k < p.value.size(); ++k) {
        value += p.value[k] * p.value[k];
        slope += p.slope[k] * p.slope[k];
    }
    return p.value_norm - value <= 1e-12 * p.value_norm && p.slope_norm - slope <= 1e-12 * p.slope_norm;
}

// A smooth function to the end of its series, else what 512 terms have of it, on panels between the edges.
template <class F, class G>
bool resolve(const F& f, const G& slope, const std::vector<double>& edges, bool smooth, double deviation, double mean,
             Projection& result) {
    constexpr std::size_t most_terms = 1024, open_terms = 512, most_fineness = 64;
    const double extent = extent_of(f, slope, deviation, mean);
    for (std::size_t terms = smooth ? 32 : open_terms; terms <= (smooth ? most_terms : open_terms); terms *= 2) {
        const double rate = 6 + 2 * std::sqrt(double(terms)), rest = terms < most_terms ? 1e-23 : 1e-13;
        Projection coarse = project(f, slope, nodes_on(extent, edges, smooth, 1, rate), terms, deviation, mean);
        if (smooth && (terms_for(coarse, rest) > terms - terms / 8 || !complete(coarse)))
            continue;
        for (std::size_t fineness = 2; fineness <= most_fineness; fineness *= 2) {
            Projection fine = project(f, slope, nodes_on(extent, edges, smooth, fineness, rate), terms, deviation, mean);
            double value = 0, change = 0;
            for (std::size_t k = 0; k < terms; ++k) {
                value = std::max(value, std::abs(fine.value[k] - coarse.value[k]));
                change = std::max(change, std::abs(fine.slope[k] - coarse.slope[k]));
            }
            coarse = std::move(fine);
            if (!(value <= 3e-14 * std::sqrt(coarse.value_norm) && change <= 3e-14 * std::sqrt(coarse.slope_norm)))
                continue;
            for (std::size_t k = 1; smooth && k < terms; ++k) // accurate for small variances, too
                coarse.value[k] = deviation / std::sqrt(double(k)) * coarse.slope[k - 1];
            if (!smooth || (terms_for(coarse, rest) <= terms - terms / 8 && complete(coarse))) {
                result = std::move(coarse);
                return true;
            }
            break;
        }
    }
    return false;
}

template <class F, class G>
Series<1> hermite(const F& f, const G& slope, const std::vector<Bend>& bends, double variance, double mean) {
    Series<1> result;
    if (!std::isfinite(variance) || !std::isfinite(mean))
        throw std::domain_error("a variance is not finite: the kernel diverges");
    if (variance <= 0) {
        const double value = f(mean);
        result.terms = 1;
        result.norm = {std::abs(value)};
        result.value = {{value > 0 ? 1.0 : value < 0 ? -1.0 : 0.0}};
        result.slope = {{slope(mean)}};
        result.tail = {{1.0}, {0.0}};
        return result;
    }
    const double deviation = std::sqrt(variance);
    std::vector<double> edges;
    for (const Bend& bend : bends) {
        const double z = (bend.at - mean) / deviation;
        result.open = result.open || (bend.width == 0 && std::abs(z) < 13);
        if (bend.width < deviation)
            grade(edges, z, bend.width / deviation, 13);
    }
    Projection p;
    if (!result.open)
        result.open = !resolve(f, slope, edges, true, deviation, mean, p);
    if (result.open && !resolve(f, slope, edges, false, deviation, mean, p))
        throw std::domain_error("the Hermite coefficients of a function cannot be computed");
    result.norm = {std::sqrt(p.value_norm)};
    result.terms = terms_for(p, 1e-13);
    const std::size_t stored = result.open ? p.value.size() : terms_for(p, 1e-22);
    for (std::size_t k = 0; k < stored; ++k) {
        result.value.push_back({p.value_norm > 0 ? p.value[k] / result.norm[0] : 0});
        result.slope.push_back({p.slope[k]});
    }
    double left = 1;
    for (const Row<1>& value : result.value)
        left -= value[0] * value[0];
    result.tail.assign(stored + 1, {result.open ? std::max(left, 0.0) : 0.0});
    for (std::size_t k = stored; k-- > 0;)
        result.tail[k][0] = result.tail[k + 1][0] + result.value[k][0] * result.value[k][0];
    return result;
}

template <std::size_t lanes> Series<lanes> side_by_side(const std::array<const Series<1>*, lanes>& each) {
    Series<lanes> result;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        const Series<1>& one = *each[lane];
        result.terms = std::max(result.terms, one.terms);
        result.open = result.open || one.open;
        result.norm[lane] = one.norm[0];
        result.value.resize(std::max(result.value.size(), one.value.size()));
    }
    result.slope.resize(result.value.size());
    result.tail.resize(result.value.size() + 1);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        const Series<1>& one = *each[lane];
        if (one.tail.empty()) // of an element that no pair reads
            continue;
        for (std::size_t k = 0; k < result.tail.size(); ++k)
            result.tail[k][lane] = one.tail[std::min(k, one.tail.size() - 1)][0];
        for (std::size_t k = 0; k < one.value.size(); ++k) {
            result.value[k][lane] = one.value[k][0];
            result.slope[k][lane] = one.slope[k][0];
        }
    }
    return result;
}
)";

const char* const series_text =
    R"(// Mehler: E[f g] = |f| |g| sum_k f_k g_k rho^k and E[f' g'] = sum_k f'_k g'_k rho^k. With sign that of rho,
//   minus = sum_k (f_k - sign^k g_k)^2 + 2 sign^k f_k g_k (1 - |rho|^k),
// where nothing cancels, since 1 - r^(k+1) = (1 - r^k) + r^k (1 - r).
// Beyond both series, when they are open, |rho|^k has to vanish.
inline bool beyond(const Series<1>& f, const Series<1>& g, const Correlation& rho) {
    const std::size_t known = std::min(f.value.size(), g.value.size());
    const bool whole = (!f.open && f.value.size() == known) || (!g.open && g.value.size() == known);
    return !whole && std::pow(1 - rho.gap, double(known)) >= 1e-13;
}

template <std::size_t lanes>
void mehler(const Series<1>& f, const Series<lanes>& g, const std::array<Correlation, lanes>& rho, Row<lanes>& minus,
            Row<lanes>& plus, Row<lanes>& slope) {
    const std::size_t stored = std::min(f.value.size(), g.value.size());
    const bool open = f.open || g.open;
    const std::size_t terms = open ? stored : std::min(std::max(f.terms, g.terms), stored);
    Row<lanes> ratio, gap, sign, power, lost{}, parity, down{}, up{}, change{};
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        gap[lane] = rho[lane].gap;
        ratio[lane] = 1 - gap[lane];
        sign[lane] = rho[lane].sign;
        power[lane] = parity[lane] = 1;
    }
    for (std::size_t k = 0; k < terms; ++k) {
        const double x = f.value[k][0], d = f.slope[k][0];
        const Row<lanes>&y = g.value[k], &e = g.slope[k];
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const double v = parity[lane] * y[lane];
            const double both = 2 * x * v * lost[lane];
            down[lane] += (x - v) * (x - v) + both;
            up[lane] += (x + v) * (x + v) - both;
            change[lane] += d * e[lane] * (parity[lane] * power[lane]);
            lost[lane] += power[lane] * gap[lane];
            power[lane] *= power[lane] > 1e-47 ? ratio[lane] : 0; // no denormal numbers
            parity[lane] *= sign[lane];
        }
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        const double x = f.tail[terms][0], y = g.tail[terms][lane], apart = std::sqrt(x) - std::sqrt(y);
        const double rest = open ? x + y : apart * apart; // what is left of both is alike, or there is one only
        minus[lane] = std::max(down[lane] + rest, 0.0);
        plus[lane] = std::max(up[lane] + rest, 0.0);
        slope[lane] = change[lane];
    }
}
)";

} // namespace tpc::emit
