#include "compiler/passes/integer_set.hpp"

#include <isl/aff.h>
#include <isl/constraint.h>
#include <isl/ctx.h>
#include <isl/ilp.h>
#include <isl/map.h>
#include <isl/options.h>
#include <isl/set.h>
#include <isl/space.h>
#include <isl/val.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace tpc::passes {
namespace {

constexpr unsigned long operation_limit = 50'000'000; // a few seconds

[[noreturn]] void fail() {
    throw IntegerSetError("the integer analysis of index sets did not finish");
}

template <class T> T* checked(T* object) {
    if (object == nullptr)
        fail();
    return object;
}

bool checked(isl_bool value) {
    if (value == isl_bool_error)
        fail();
    return value == isl_bool_true;
}

std::string take(char* text) {
    std::string result = checked(text);
    std::free(text); // NOLINT: isl allocates with malloc
    return result;
}

} // namespace

Set::Set(std::shared_ptr<isl_ctx> context, isl_set* owned) : context_(std::move(context)), set_(checked(owned)) {}
Set::Set(const Set& other) : context_(other.context_), set_(other.set_ ? isl_set_copy(other.set_) : nullptr) {}
Set::Set(Set&& other) noexcept : context_(std::move(other.context_)), set_(std::exchange(other.set_, nullptr)) {}
Set& Set::operator=(Set other) noexcept {
    std::swap(context_, other.context_);
    std::swap(set_, other.set_);
    return *this;
}
Set::~Set() {
    isl_set_free(set_);
}

isl_set* Set::copy() const {
    return isl_set_copy(checked(set_));
}
bool Set::empty() const {
    return set_ == nullptr || checked(isl_set_is_empty(set_));
}
bool Set::subset_of(const Set& other) const {
    return checked(isl_set_is_subset(set_, other.set_));
}
Set Set::affine_hull() const {
    return {context_, isl_set_from_basic_set(checked(isl_set_affine_hull(copy())))};
}
std::string Set::text() const {
    return take(isl_set_to_str(set_));
}

namespace {
isl_set* only(isl_set* set, unsigned dimension) {
    const auto count = static_cast<unsigned>(isl_set_dim(set, isl_dim_set));
    set = isl_set_project_out(set, isl_dim_set, dimension + 1, count - dimension - 1);
    return isl_set_project_out(set, isl_dim_set, 0, dimension);
}
} // namespace

Set Set::least(unsigned dimension) const {
    return {context_, isl_set_lexmin(only(copy(), dimension))};
}
Set Set::greatest(unsigned dimension) const {
    return {context_, isl_set_lexmax(only(copy(), dimension))};
}

Set::Bounds Set::bounds(unsigned dimension) const {
    if (empty())
        return {};
    const auto read = [](isl_val* value) {
        checked(value);
        if (!checked(isl_val_is_int(value))) {
            isl_val_free(value);
            fail();
        }
        const long number = isl_val_get_num_si(value);
        isl_val_free(value);
        return static_cast<std::int64_t>(number);
    };
    return {read(isl_set_dim_min_val(copy(), static_cast<int>(dimension))),
            read(isl_set_dim_max_val(copy(), static_cast<int>(dimension)))};
}

Set operator&(const Set& a, const Set& b) {
    return {a.context(), isl_set_intersect(a.copy(), b.copy())};
}
Set operator|(const Set& a, const Set& b) {
    return {a.context(), isl_set_coalesce(isl_set_union(a.copy(), b.copy()))};
}
Set product(const Set& a, const Set& b) {
    return {a.context(), isl_set_flat_product(a.copy(), b.copy())};
}

Map::Map(std::shared_ptr<isl_ctx> context, isl_map* owned) : context_(std::move(context)), map_(checked(owned)) {}
Map::Map(const Map& other) : context_(other.context_), map_(other.map_ ? isl_map_copy(other.map_) : nullptr) {}
Map::Map(Map&& other) noexcept : context_(std::move(other.context_)), map_(std::exchange(other.map_, nullptr)) {}
Map& Map::operator=(Map other) noexcept {
    std::swap(context_, other.context_);
    std::swap(map_, other.map_);
    return *this;
}
Map::~Map() {
    isl_map_free(map_);
}

isl_map* Map::copy() const {
    return isl_map_copy(checked(map_));
}
bool Map::empty() const {
    return map_ == nullptr || checked(isl_map_is_empty(map_));
}
bool Map::subset_of(const Map& other) const {
    return checked(isl_map_is_subset(map_, other.map_));
}
Map Map::reverse() const {
    return {context_, isl_map_reverse(copy())};
}
Set Map::image(const Set& set) const {
    return {context_, isl_set_apply(set.copy(), copy())};
}
Set Map::domain() const {
    return {context_, isl_map_domain(copy())};
}
Map Map::simple_hull() const {
    return {context_, isl_map_from_basic_map(checked(isl_map_simple_hull(copy())))};
}
std::string Map::text() const {
    return take(isl_map_to_str(map_));
}

Map operator|(const Map& a, const Map& b) {
    return {a.context(), isl_map_coalesce(isl_map_union(a.copy(), b.copy()))};
}
Map then(const Map& first, const Map& second) {
    return {first.context(), isl_map_apply_range(first.copy(), second.copy())};
}
Map product(const Map& a, const Map& b) {
    return {a.context(), isl_map_flat_product(a.copy(), b.copy())};
}
Set wrapped(const Map& map) {
    return {map.context(), isl_set_flatten(isl_map_wrap(map.copy()))};
}

Map identity(const Set& set) {
    return {set.context(), isl_set_identity(set.copy())};
}

Map widen(const Map& a, const Map& b) {
    isl_basic_map* hull = checked(isl_map_simple_hull(a.copy()));
    isl_basic_map* kept = isl_basic_map_universe(isl_basic_map_get_space(hull));
    isl_constraint_list* constraints = isl_basic_map_get_constraint_list(hull);
    const int count = isl_constraint_list_size(constraints);
    for (int k = 0; k < count; ++k) {
        isl_basic_map* one = isl_basic_map_add_constraint(isl_basic_map_universe(isl_basic_map_get_space(hull)),
                                                          isl_constraint_list_get_constraint(constraints, k));
        isl_map* as_map = isl_map_from_basic_map(isl_basic_map_copy(one));
        isl_map* other = b.copy();
        const isl_bool holds = isl_map_is_subset(other, as_map);
        isl_map_free(other);
        isl_map_free(as_map);
        if (holds == isl_bool_true)
            kept = isl_basic_map_intersect(kept, one);
        else
            isl_basic_map_free(one);
    }
    isl_constraint_list_free(constraints);
    isl_basic_map_free(hull);
    return {a.context(), isl_map_from_basic_map(kept)};
}

std::vector<Equality> equalities(const Set& set, const std::vector<std::string>& parameter_names) {
    isl_basic_set* hull = isl_basic_set_remove_redundancies(isl_set_affine_hull(set.copy()));
    hull = isl_basic_set_remove_divs(checked(hull));
    isl_constraint_list* constraints = isl_basic_set_get_constraint_list(hull);
    const auto number = [](isl_val* value) {
        const long result = isl_val_get_num_si(checked(value));
        isl_val_free(value);
        return static_cast<std::int64_t>(result);
    };
    std::vector<Equality> result;
    const int count = isl_constraint_list_size(constraints);
    for (int k = 0; k < count; ++k) {
        isl_constraint* constraint = isl_constraint_list_get_constraint(constraints, k);
        if (isl_constraint_is_equality(constraint) == isl_bool_true) {
            Equality equality;
            const int dimensions = isl_constraint_dim(constraint, isl_dim_set);
            for (int d = 0; d < dimensions; ++d)
                equality.coefficients.push_back(number(isl_constraint_get_coefficient_val(constraint, isl_dim_set, d)));
            equality.parameters.assign(parameter_names.size(), 0);
            const int parameters = isl_constraint_dim(constraint, isl_dim_param);
            for (int d = 0; d < parameters; ++d) {
                const std::string name = isl_constraint_get_dim_name(constraint, isl_dim_param, static_cast<unsigned>(d));
                const auto found = std::find(parameter_names.begin(), parameter_names.end(), name);
                if (found != parameter_names.end())
                    equality.parameters[static_cast<std::size_t>(found - parameter_names.begin())] =
                        number(isl_constraint_get_coefficient_val(constraint, isl_dim_param, d));
            }
            equality.constant = number(isl_constraint_get_constant_val(constraint));
            result.push_back(std::move(equality));
        }
        isl_constraint_free(constraint);
    }
    isl_constraint_list_free(constraints);
    isl_basic_set_free(hull);
    return result;
}

IntegerSets::IntegerSets() : context_(isl_ctx_alloc(), isl_ctx_free) {
    isl_options_set_on_error(context_.get(), ISL_ON_ERROR_CONTINUE);
    isl_ctx_set_max_operations(context_.get(), operation_limit);
}
Set IntegerSets::set(const std::string& text) const {
    return {context_, isl_set_read_from_str(context_.get(), text.c_str())};
}
Map IntegerSets::map(const std::string& text) const {
    return {context_, isl_map_read_from_str(context_.get(), text.c_str())};
}

} // namespace tpc::passes
