from .space_fields import SpaceField as SpaceField, space_fields as space_fields
