// Compiled once for every instruction set by Highway, which chooses among them at run time.
#include "runtime/tapes/elementwise.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/tapes/elementwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After highway.h: it has a body for every target.
#include <hwy/contrib/math/math-inl.h>

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace tpc::joint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Doubles = hn::CappedTag<double, row_step / 2>;
using Floats = hn::CappedTag<float, row_step>;
template <class Real> using TagOf = std::conditional_t<std::is_same_v<Real, float>, Floats, Doubles>;
template <class V> using RealOf = hn::TFromV<V>;
template <class V> constexpr TagOf<RealOf<V>> tag_of;

template <class V> HWY_INLINE V number(double value) {
    return hn::Set(tag_of<V>, static_cast<RealOf<V>>(value));
}

// Highway's loses infinities and what is not a number.
template <class V> HWY_INLINE V exponential(V x) {
    const auto most = number<V>(std::is_same_v<RealOf<V>, float> ? 90 : 720); // infinite already
    const auto e = hn::Exp(tag_of<V>, hn::IfThenElse(hn::Gt(x, most), most, x));
    return hn::IfThenElse(hn::IsNaN(x), x, e);
}

// Neither exponential overflows.
template <class V> HWY_INLINE V sigmoid(V x) {
    const auto one = number<V>(1);
    const auto e = exponential(hn::Neg(hn::Abs(x)));
    return hn::Div(hn::IfThenElse(hn::Lt(x, number<V>(0)), e, one), hn::Add(one, e));
}

template <class V> HWY_INLINE V horner(V) {
    return number<V>(0);
}
template <class V, class... More> HWY_INLINE V horner(V x, double first, More... more) {
    return hn::MulAdd(horner(x, more...), x, number<V>(first));
}

// Rational approximations of Cody (1969).
template <class V> HWY_INLINE V error_function(V x) {
    const auto y = hn::Abs(x);
    const auto square = hn::Mul(x, x);
    const auto near =
        hn::Div(hn::Mul(x, horner(square, 3209.37758913846947, 377.485237685302021, 113.864154151050156, 3.16112374387056560,
                                  0.185777706184603153)),
                horner(square, 2844.23683343917062, 1282.61652607737228, 244.024637934444173, 23.6012909523441209, 1.0));
    const auto inside = number<V>(0.46875);
    if (hn::AllTrue(tag_of<V>, hn::Le(y, inside)))
        return near;
    // erfc y = exp(-y^2) p(y) / q(y) up to 4; beyond, 1 - erf is below 2e-8 and p / q is that of 1 / y^2
    const auto middle = hn::Div(
        horner(y, 1230.33935479799725, 2051.07837782607147, 1712.04761263407058, 881.952221241769090, 298.635138197400131,
               66.1191906371416295, 8.88314979438837594, 0.564188496988670089, 2.15311535474403846e-8),
        horner(y, 1230.33935480374942, 3439.36767414372164, 4362.61909014324716, 3290.79923573345963, 1621.38957456669019,
               537.181101862009858, 117.693950891312499, 15.7449261107098347, 1.0));
    const auto z = hn::Div(number<V>(1), square);
    const auto series = hn::Div(hn::Mul(z, horner(z, 6.58749161529837803e-4, 0.0160837851487422766, 0.125781726111229246,
                                                  0.360344899949804439, 0.305326634961232344, 0.0163153871373020978)),
                                horner(z, 2.33520497626869185e-3, 0.0605183413124413191, 0.527905102951428412,
                                       1.87295284992346725, 2.56852019228982242, 1.0));
    const auto far = hn::Div(hn::Sub(number<V>(0.56418958354775628695), series), y);
    const auto decay = exponential(hn::Neg(square));
    auto outside = hn::NegMulAdd(decay, hn::IfThenElse(hn::Gt(y, number<V>(4)), far, middle), number<V>(1));
    outside = hn::IfThenElse(hn::Gt(y, number<V>(6)), number<V>(1), outside);
    return hn::IfThenElse(hn::Gt(y, inside), hn::CopySign(outside, x), near); // NaN is neither inside nor outside
}

template <class Real, class F> HWY_INLINE void each(const Real* a, const Real* b, Real* out, std::size_t count, const F& f) {
    constexpr TagOf<Real> tag;
    for (std::size_t i = 0; i < count; i += hn::Lanes(tag))
        hn::StoreU(f(hn::LoadU(tag, a + i), hn::LoadU(tag, b + i)), tag, out + i);
}

// False: there is no such loop here.
template <class Real> bool run_of(ir::Function function, const Real* a, const Real* b, Real* out, std::size_t count) {
    using ir::Function;
    constexpr TagOf<Real> tag;
    using Vec = hn::Vec<TagOf<Real>>;
    const auto zero = hn::Zero(tag);
    switch (function) {
    case Function::neg:
        each(a, b, out, count, [](Vec x, Vec) { return hn::Neg(x); });
        return true;
    case Function::add:
        each(a, b, out, count, [](Vec x, Vec y) { return hn::Add(x, y); });
        return true;
    case Function::sub:
        each(a, b, out, count, [](Vec x, Vec y) { return hn::Sub(x, y); });
        return true;
    case Function::mul:
        each(a, b, out, count, [](Vec x, Vec y) { return hn::Mul(x, y); });
        return true;
    case Function::div:
        each(a, b, out, count, [](Vec x, Vec y) { return hn::Div(x, y); });
        return true;
    case Function::square:
        each(a, b, out, count, [](Vec x, Vec) { return hn::Mul(x, x); });
        return true;
    case Function::sqrt:
        each(a, b, out, count, [](Vec x, Vec) { return hn::Sqrt(x); });
        return true;
    case Function::abs:
        each(a, b, out, count, [](Vec x, Vec) { return hn::Abs(x); });
        return true;
    case Function::relu:
        each(a, b, out, count, [=](Vec x, Vec) { return hn::IfThenElse(hn::Lt(x, zero), zero, x); });
        return true;
    case Function::step:
        each(a, b, out, count, [=](Vec x, Vec) {
            const auto low = hn::IfThenElse(hn::Lt(x, zero), zero, hn::IfThenElse(hn::Eq(x, zero), number<Vec>(0.5), x));
            return hn::IfThenElse(hn::Gt(x, zero), number<Vec>(1), low);
        });
        return true;
    case Function::exp:
        each(a, b, out, count, [](Vec x, Vec) { return exponential(x); });
        return true;
    case Function::tanh:
        each(a, b, out, count, [](Vec x, Vec) { return hn::Tanh(TagOf<Real>(), x); });
        return true;
    case Function::sigmoid:
        each(a, b, out, count, [](Vec x, Vec) { return sigmoid(x); });
        return true;
    case Function::silu:
        each(a, b, out, count, [](Vec x, Vec) { return hn::Mul(x, sigmoid(x)); });
        return true;
    case Function::erf:
        each(a, b, out, count, [](Vec x, Vec) { return error_function(x); });
        return true;
    default:
        return false;
    }
}

// Wichura's algorithm AS 241 (1988); no argument is as far out as its third range.
template <class Store> HWY_INLINE void quantiles_to(const std::uint32_t* bits, std::size_t count, const Store& store) {
    constexpr Doubles tag;
    using Tag = Doubles;
    using Vec = hn::Vec<Tag>;
    const hn::Rebind<std::int32_t, Tag> words;
    const auto half = number<Vec>(0.5);
    for (std::size_t i = 0; i < count; i += hn::Lanes(tag)) {
        // as signed numbers, around one half
        const auto word = hn::Xor(hn::BitCast(words, hn::LoadU(hn::Rebind<std::uint32_t, Tag>(), bits + i)),
                                  hn::Set(words, std::numeric_limits<std::int32_t>::min()));
        const auto q = hn::Mul(hn::Add(hn::PromoteTo(tag, word), half), number<Vec>(0x1p-32));
        const auto r = hn::Sub(number<Vec>(0.180625), hn::Mul(q, q));
        const auto middle = hn::Div(
            hn::Mul(q, horner(r, 3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
                              1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                              3.3430575583588128105e+4, 2.5090809287301226727e+3)),
            horner(r, 1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
                   2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4, 5.2264952788528545610e+3));
        const auto tail = hn::Sub(hn::Sqrt(hn::Neg(hn::Log(tag, hn::Sub(half, hn::Abs(q))))), number<Vec>(1.6));
        const auto far = hn::Div(horner(tail, 1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                                        3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
                                        2.27238449892691845833e-2, 7.74545014278341407640e-4),
                                 horner(tail, 1.0, 2.05319162663775882187e0, 1.67638483018380384940e0,
                                        6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
                                        5.47593808499534494600e-4, 1.05075007164441684324e-9));
        const auto outside = hn::Gt(hn::Abs(q), number<Vec>(0.425));
        store(hn::IfThenElse(outside, hn::CopySign(far, q), middle), i);
    }
}
void quantiles(const std::uint32_t* bits, double* out, std::size_t count) {
    quantiles_to(bits, count, [&](auto values, std::size_t i) { hn::StoreU(values, Doubles(), out + i); });
}
void quantiles_float(const std::uint32_t* bits, float* out, std::size_t count) {
    const hn::Rebind<float, Doubles> floats;
    quantiles_to(bits, count,
                 [&](auto values, std::size_t i) { hn::StoreU(hn::DemoteTo(floats, values), floats, out + i); });
}

template <std::size_t Vectors, class Real>
HWY_INLINE void combine_vectors(double start, const double* weights, const Real* const* rows, std::size_t terms, Real* out,
                                std::size_t i) {
    constexpr TagOf<Real> tag;
    using Vec = hn::Vec<TagOf<Real>>;
    const std::size_t width = hn::Lanes(tag);
    Vec sums[Vectors];
    for (std::size_t v = 0; v < Vectors; ++v)
        sums[v] = number<Vec>(start);
    for (std::size_t k = 0; k < terms; ++k) {
        const auto weight = number<Vec>(weights[k]);
        for (std::size_t v = 0; v < Vectors; ++v)
            sums[v] = hn::MulAdd(weight, hn::LoadU(tag, rows[k] + i + v * width), sums[v]);
    }
    for (std::size_t v = 0; v < Vectors; ++v)
        hn::StoreU(sums[v], tag, out + i + v * width);
}

template <class Real>
void combination_of(double start, const double* weights, const Real* const* rows, std::size_t terms, Real* out,
                    std::size_t count) {
    constexpr std::size_t several = 8;
    const std::size_t width = hn::Lanes(TagOf<Real>());
    std::size_t i = 0;
    for (; i + several * width <= count; i += several * width)
        combine_vectors<several>(start, weights, rows, terms, out, i);
    for (; i < count; i += width)
        combine_vectors<1>(start, weights, rows, terms, out, i);
}

template <class Real> double dot_of(const Real* a, const Real* b, std::size_t count) {
    constexpr TagOf<Real> tag;
    constexpr std::size_t several = 4;
    const std::size_t width = hn::Lanes(tag);
    hn::Vec<TagOf<Real>> sums[several] = {hn::Zero(tag), hn::Zero(tag), hn::Zero(tag), hn::Zero(tag)};
    std::size_t i = 0;
    for (; i + several * width <= count; i += several * width)
        for (std::size_t v = 0; v < several; ++v)
            sums[v] = hn::MulAdd(hn::LoadU(tag, a + i + v * width), hn::LoadU(tag, b + i + v * width), sums[v]);
    const auto sum = hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]));
    double result = static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, sum)));
    for (; i < count; ++i)
        result += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return result;
}

// One function for each kind of numbers: what is chosen at run time is no template.
bool run(ir::Function function, const double* a, const double* b, double* out, std::size_t count) {
    return run_of(function, a, b, out, count);
}
bool run_float(ir::Function function, const float* a, const float* b, float* out, std::size_t count) {
    return run_of(function, a, b, out, count);
}
void combination(double start, const double* weights, const double* const* rows, std::size_t terms, double* out,
                 std::size_t count) {
    combination_of(start, weights, rows, terms, out, count);
}
void combination_float(double start, const double* weights, const float* const* rows, std::size_t terms, float* out,
                       std::size_t count) {
    combination_of(start, weights, rows, terms, out, count);
}
double dot_double(const double* a, const double* b, std::size_t count) {
    return dot_of(a, b, count);
}
double dot_float(const float* a, const float* b, std::size_t count) {
    return dot_of(a, b, count);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::joint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::joint {

HWY_EXPORT(run);
HWY_EXPORT(run_float);
HWY_EXPORT(quantiles);
HWY_EXPORT(quantiles_float);
HWY_EXPORT(combination);
HWY_EXPORT(combination_float);
HWY_EXPORT(dot_double);
HWY_EXPORT(dot_float);

namespace {

template <class Real> void one_by_one(ir::Function function, const Real* a, const Real* b, Real* out, std::size_t count) {
    const std::size_t arity = ir::is_binary(function) ? 2 : 1;
    for (std::size_t i = 0; i < count; ++i) {
        const double arguments[] = {static_cast<double>(a[i]), static_cast<double>(b[i])};
        out[i] = static_cast<Real>(ir::evaluate(function, llvm::ArrayRef(arguments, arity)));
    }
}

} // namespace

template <> void elementwise(ir::Function function, const double* a, const double* b, double* out, std::size_t count) {
    if (!HWY_DYNAMIC_DISPATCH(run)(function, a, b, out, count))
        one_by_one(function, a, b, out, count);
}
template <> void elementwise(ir::Function function, const float* a, const float* b, float* out, std::size_t count) {
    if (!HWY_DYNAMIC_DISPATCH(run_float)(function, a, b, out, count))
        one_by_one(function, a, b, out, count);
}

template <> void normal_quantiles(const std::uint32_t* bits, double* out, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(quantiles)(bits, out, count);
}
template <> void normal_quantiles(const std::uint32_t* bits, float* out, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(quantiles_float)(bits, out, count);
}

template <>
void combine(double start, const double* weights, const double* const* rows, std::size_t terms, double* out,
             std::size_t count) {
    HWY_DYNAMIC_DISPATCH(combination)(start, weights, rows, terms, out, count);
}
template <>
void combine(double start, const double* weights, const float* const* rows, std::size_t terms, float* out,
             std::size_t count) {
    HWY_DYNAMIC_DISPATCH(combination_float)(start, weights, rows, terms, out, count);
}

template <> double dot(const double* a, const double* b, std::size_t count) {
    return HWY_DYNAMIC_DISPATCH(dot_double)(a, b, count);
}
template <> double dot(const float* a, const float* b, std::size_t count) {
    return HWY_DYNAMIC_DISPATCH(dot_float)(a, b, count);
}

} // namespace tpc::joint
#endif
