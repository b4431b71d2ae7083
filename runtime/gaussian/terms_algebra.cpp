#include "runtime/gaussian/terms_algebra.hpp"

#include <algorithm>

namespace tpc::gaussian {
namespace {

void trim(std::vector<Complex>& poly) {
    while (!poly.empty() && poly.back() == 0.0)
        poly.pop_back();
}

std::vector<Complex> multiply(const std::vector<Complex>& a, const std::vector<Complex>& b) {
    std::vector<Complex> product(a.size() + b.size() - 1);
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t j = 0; j < b.size(); ++j)
            product[i + j] += a[i] * b[j];
    return product;
}

bool multiply(const Group& a, const Group& b, Groups& sum) {
    Group product{a.offset + b.offset,      a.gauss + b.gauss,        a.rate + b.rate,         a.jump || b.jump,
                  a.jump ? a.blur : b.blur, a.jump ? a.kink : b.kink, multiply(a.poly, b.poly)};
    if (product.poly.size() > largest_power + 1)
        return false;
    if (!(a.jump && b.jump)) {
        accumulate(sum, product);
        return true;
    }
    if (a.blur != 0 || b.blur != 0)
        return false;
    // sign(z - k) sign(z - l) = 1 + sign(z - l) - sign(z - k) for k < l.
    Group plain = product;
    plain.jump = false;
    plain.kink = 0;
    accumulate(sum, plain);
    if (a.kink == b.kink)
        return true;
    product.kink = std::max(a.kink, b.kink);
    accumulate(sum, product);
    product.kink = std::min(a.kink, b.kink);
    for (Complex& coefficient : product.poly)
        coefficient = -coefficient;
    accumulate(sum, product);
    return true;
}

} // namespace

bool alike(const Group& a, const Group& b) {
    return a.offset == b.offset && a.gauss == b.gauss && a.rate == b.rate && a.jump == b.jump && a.blur == b.blur &&
           a.kink == b.kink;
}

void accumulate(Groups& sum, const Group& term) {
    auto place = std::find_if(sum.begin(), sum.end(), [&](const Group& group) { return alike(group, term); });
    if (place == sum.end())
        place = sum.insert(sum.end(), Group{term.offset, term.gauss, term.rate, term.jump, term.blur, term.kink, {}});
    if (place->poly.size() < term.poly.size())
        place->poly.resize(term.poly.size());
    for (std::size_t i = 0; i < term.poly.size(); ++i)
        place->poly[i] += term.poly[i];
}

void tidy(Groups& sum) {
    for (Group& group : sum)
        trim(group.poly);
    std::erase_if(sum, [](const Group& group) { return group.poly.empty(); });
}

Groups constant(Complex value) {
    Groups result{Group{0, 0, 0, false, 0, 0, {value}}};
    tidy(result);
    return result;
}

Groups add(const Groups& a, const Groups& b, Complex factor) {
    Groups sum = a;
    for (Group term : b) {
        for (Complex& coefficient : term.poly)
            coefficient *= factor;
        accumulate(sum, term);
    }
    tidy(sum);
    return sum;
}

Groups scale(const Groups& a, Complex factor) {
    return add({}, a, factor);
}

std::optional<Groups> multiply(const Groups& a, const Groups& b) {
    Groups sum;
    for (const Group& left : a)
        for (const Group& right : b)
            if (!multiply(left, right, sum))
                return std::nullopt;
    tidy(sum);
    if (sum.size() > most_groups)
        return std::nullopt;
    return sum;
}

} // namespace tpc::gaussian
