# What every distillation of the zoo is; the pair fills in the networks, the method
# the distiller.
model = dict(
    _scope_='mmrazor',
    type='SingleTeacherDistill',
    distiller=dict(type='ConfigurableDistiller'))
