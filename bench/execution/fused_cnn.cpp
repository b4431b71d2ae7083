#include "bench/execution/fused_cnn.hpp"

#include "runtime/gaussian/correlation.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::bench {
namespace {

// Positions of an image with a border of zeros, rows of whole vectors.
struct Frame {
    std::size_t rows, cols, width;
    explicit Frame(const Images& images) : rows(images.rows), cols(images.cols), width((images.cols + 2 + 15) / 16 * 16) {}
    [[nodiscard]] std::size_t size() const { return (rows + 2) * width; }
    [[nodiscard]] std::size_t at(std::size_t i, std::size_t j) const { return (i + 1) * width + j + 1; }
};

// Where both positions of an offset are in the image.
struct Rectangle {
    std::size_t first_row, last_row, first_col, last_col; // [first, last)
};

template <class Real> class Cnn {
  public:
    Cnn(const std::vector<double>& x, const Images& images, int layers)
        : x_(x), images_(images), frame_(images), layers_(static_cast<std::size_t>(layers)),
          root_(images.samples * layers_ * frame_.size(), 0), inverse_(root_) {
        for (auto* plane : {&c_, &t_, &sum_c_, &sum_t_})
            plane->assign(frame_.size(), 0);
        for (std::size_t s = 0; s < images.samples; ++s)
            prepare(s);
    }

    double pair(std::size_t a, std::size_t b, bool pooled) {
        const auto rows = static_cast<std::ptrdiff_t>(frame_.rows);
        const auto cols = static_cast<std::ptrdiff_t>(frame_.cols);
        double sum = 0;
        for (std::ptrdiff_t di = pooled ? 1 - rows : 0; di < (pooled ? rows : 1); ++di)
            for (std::ptrdiff_t dj = pooled ? 1 - cols : 0; dj < (pooled ? cols : 1); ++dj)
                sum += plane(a, b, di, dj);
        const auto positions = static_cast<double>(rows * cols);
        return pooled ? sum / (positions * positions) : sum / positions;
    }

  private:
    const std::vector<double>& x_;
    Images images_;
    Frame frame_;
    std::size_t layers_;
    std::vector<Real> root_, inverse_; // of the preactivations' variances, by sample and layer
    std::vector<Real> c_, t_, sum_c_, sum_t_;

    double dot(std::size_t a, std::size_t i, std::size_t j, std::size_t b, std::size_t k, std::size_t l) const {
        const auto pixel = [&](std::size_t s, std::size_t r, std::size_t c) {
            return x_.data() + ((s * frame_.rows + r) * frame_.cols + c) * images_.channels;
        };
        double sum = 0;
        for (std::size_t d = 0; d < images_.channels; ++d)
            sum += pixel(a, i, j)[d] * pixel(b, k, l)[d];
        return sum / static_cast<double>(images_.channels);
    }

    void box(const std::vector<Real>& from, std::vector<Real>& to, const Rectangle& inside) {
        const std::size_t w = frame_.width;
        for (std::size_t i = inside.first_row; i < inside.last_row; ++i) {
            const Real* row = from.data() + frame_.at(i, 0);
            Real* out = to.data() + frame_.at(i, 0);
            for (std::size_t j = inside.first_col; j < inside.last_col; ++j) {
                const auto column = [&](const Real* p) { return p[-static_cast<std::ptrdiff_t>(w)] + p[0] + p[w]; };
                out[j] = column(row + j - 1) + column(row + j) + column(row + j + 1);
            }
        }
    }

    void prepare(std::size_t s) {
        const Rectangle all{0, frame_.rows, 0, frame_.cols};
        std::vector<Real> variance(frame_.size(), 0);
        std::vector<Real> next(frame_.size(), 0);
        for (std::size_t i = 0; i < frame_.rows; ++i)
            for (std::size_t j = 0; j < frame_.cols; ++j)
                variance[frame_.at(i, j)] = static_cast<Real>(dot(s, i, j, s, i, j));
        for (std::size_t l = 0; l < layers_; ++l) {
            box(variance, next, all);
            for (std::size_t i = 0; i < frame_.rows; ++i)
                for (std::size_t j = 0; j < frame_.cols; ++j) {
                    const std::size_t at = frame_.at(i, j);
                    const Real own = next[at] * Real(2) / 9;
                    root_[(s * layers_ + l) * frame_.size() + at] = std::sqrt(own);
                    inverse_[(s * layers_ + l) * frame_.size() + at] = 1 / std::sqrt(own);
                    variance[at] = own / 2;
                }
        }
    }

    double plane(std::size_t a, std::size_t b, std::ptrdiff_t di, std::ptrdiff_t dj) {
        const auto first = [](std::ptrdiff_t d) { return static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, -d)); };
        const auto last = [](std::ptrdiff_t d, std::size_t size) {
            return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(size) - std::max<std::ptrdiff_t>(0, d));
        };
        const Rectangle inside{first(di), last(di, frame_.rows), first(dj), last(dj, frame_.cols)};
        const std::ptrdiff_t shift = di * static_cast<std::ptrdiff_t>(frame_.width) + dj;
        std::fill(c_.begin(), c_.end(), Real(0));
        std::fill(t_.begin(), t_.end(), Real(0));
        for (std::size_t i = inside.first_row; i < inside.last_row; ++i)
            for (std::size_t j = inside.first_col; j < inside.last_col; ++j)
                c_[frame_.at(i, j)] =
                    static_cast<Real>(dot(a, i, j, b, static_cast<std::size_t>(static_cast<std::ptrdiff_t>(i) + di),
                                          static_cast<std::size_t>(static_cast<std::ptrdiff_t>(j) + dj)));
        for (std::size_t l = 0; l < layers_; ++l) {
            box(c_, sum_c_, inside);
            box(t_, sum_t_, inside);
            const std::size_t size = frame_.size();
            layer(inside, root_.data() + (a * layers_ + l) * size, inverse_.data() + (a * layers_ + l) * size,
                  root_.data() + (b * layers_ + l) * size + shift, inverse_.data() + (b * layers_ + l) * size + shift);
        }
        double sum = 0;
        for (std::size_t i = inside.first_row; i < inside.last_row; ++i) {
            Real row = 0;
            for (std::size_t j = inside.first_col; j < inside.last_col; ++j)
                row += c_[frame_.at(i, j)] + t_[frame_.at(i, j)];
            sum += static_cast<double>(row);
        }
        return sum;
    }

    void layer(const Rectangle& inside, const Real* root_a, const Real* inverse_a, const Real* root_b,
               const Real* inverse_b) {
        const auto& polynomials = gaussian::AnglePolynomials<Real>::instance();
        constexpr Real over_pi = std::numbers::inv_pi_v<Real>;
        for (std::size_t i = inside.first_row; i < inside.last_row; ++i) {
            const std::size_t at = frame_.at(i, 0);
            Real* __restrict c = c_.data() + at;
            Real* __restrict t = t_.data() + at;
            for (std::size_t j = inside.first_col; j < inside.last_col; ++j) {
                const Real p = sum_c_[at + j];
                const Real rho = p * Real(2) / 9 * inverse_a[at + j] * inverse_b[at + j];
                const Real near = std::max(Real(0), 1 - std::abs(rho));
                const Real w = near / 2;
                const Real s = std::sqrt(w);
                const Real y = 4 * w - 1;
                const Real theta = s * gaussian::horner(polynomials.angle, y);
                const Real lens = w * s * gaussian::horner(polynomials.lens, y);
                const Real even = 1 - (near - 2 * over_pi * lens); // E|a||b| / sqrt(AB)
                const Real signs = rho >= 0 ? 1 - 2 * over_pi * theta : 2 * over_pi * theta - 1;
                c[j] = root_a[at + j] * root_b[at + j] * (even + rho) / 4;
                t[j] = (p + Real(2) / 9 * sum_t_[at + j]) * (1 + signs) / 4;
            }
        }
    }
};

} // namespace

template <class Real> double fused_relu_cnn(const std::vector<double>& x, const Images& images, int layers, bool pooled) {
    Cnn<Real> cnn(x, images, layers);
    double total = 0;
    for (std::size_t i = 0; i < images.samples; ++i)
        for (std::size_t j = i; j < images.samples; ++j)
            total += cnn.pair(i, j, pooled);
    return total;
}

template double fused_relu_cnn<double>(const std::vector<double>&, const Images&, int, bool);
template double fused_relu_cnn<float>(const std::vector<double>&, const Images&, int, bool);

} // namespace tpc::bench
